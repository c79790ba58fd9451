//! Which problems one object and the catalogue can prove, code by code, in one place.
//!
//! Never: a refusal for something that another object may mend, which is perhaps stored a moment later.

use crate::domain::problem::Code;

/// Who proves that an object is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The object alone, wherever `validate` finds the problem in it without any other object.
    OneObject,
    /// It depends on another object, which may come, go or change: never a refusal.
    OtherObjects,
}

/// Every code that `validate` raises, each with who proves it.
///
/// A code of [`Proof::OneObject`] is refused where the object alone raises it. The same code may also be raised
/// together with another object (a task that the type of the offer cannot do, for example): then it is a warning.
pub const PROOFS: &[(Code, Proof)] = &[
    (Code(101), Proof::OneObject),
    (Code(102), Proof::OneObject),
    (Code(103), Proof::OneObject),
    (Code(104), Proof::OneObject),
    (Code(105), Proof::OneObject),
    (Code(106), Proof::OneObject),
    (Code(201), Proof::OneObject),
    (Code(202), Proof::OneObject),
    (Code(203), Proof::OneObject),
    (Code(204), Proof::OneObject),
    (Code(205), Proof::OneObject),
    (Code(206), Proof::OneObject),
    (Code(207), Proof::OneObject),
    (Code(208), Proof::OneObject),
    (Code(209), Proof::OtherObjects),
    (Code(211), Proof::OneObject),
    (Code(212), Proof::OneObject),
    (Code(213), Proof::OneObject),
    (Code(214), Proof::OneObject),
    (Code(215), Proof::OtherObjects),
    (Code(216), Proof::OneObject),
    (Code(217), Proof::OneObject),
    (Code(218), Proof::OneObject),
    (Code(219), Proof::OneObject),
    (Code(220), Proof::OneObject),
    (Code(221), Proof::OneObject),
    (Code(222), Proof::OneObject),
    (Code(223), Proof::OtherObjects),
    (Code(224), Proof::OtherObjects),
    (Code(225), Proof::OtherObjects),
    (Code(301), Proof::OneObject),
    (Code(302), Proof::OtherObjects),
    (Code(303), Proof::OtherObjects),
    (Code(304), Proof::OtherObjects),
    (Code(305), Proof::OtherObjects),
    (Code(306), Proof::OtherObjects),
    (Code(307), Proof::OtherObjects),
    (Code(308), Proof::OtherObjects),
    (Code(309), Proof::OtherObjects),
    (Code(310), Proof::OtherObjects),
    (Code(311), Proof::OneObject),
    (Code(312), Proof::OtherObjects),
    (Code(313), Proof::OtherObjects),
    (Code(314), Proof::OneObject),
    (Code(316), Proof::OtherObjects),
    (Code(317), Proof::OneObject),
    (Code(318), Proof::OneObject),
    (Code(319), Proof::OneObject),
    (Code(320), Proof::OtherObjects),
    (Code(321), Proof::OtherObjects),
    (Code(322), Proof::OtherObjects),
    (Code(323), Proof::OtherObjects),
    (Code(324), Proof::OtherObjects),
    (Code(326), Proof::OtherObjects),
    (Code(327), Proof::OtherObjects),
    (Code(328), Proof::OtherObjects),
    (Code(329), Proof::OneObject),
    (Code(401), Proof::OneObject),
    (Code(402), Proof::OneObject),
    (Code(403), Proof::OtherObjects),
    (Code(405), Proof::OneObject),
];

/// Who proves a problem with this code. One that is not listed refuses nothing.
pub fn proof(code: Code) -> Proof {
    PROOFS
        .iter()
        .find(|(listed, _)| *listed == code)
        .map_or(Proof::OtherObjects, |(_, proof)| *proof)
}
