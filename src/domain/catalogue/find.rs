//! From what a person wrote to a role or a task, or to what was probably meant.
//!
//! Never: a match by resemblance. A look-alike letter or a hidden character is no match, only a reason for a suggestion.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use super::{
    Catalogue, Role, Task,
    several::{Several, several},
    suggest::{Known, Meant, is_given},
};
use crate::domain::{
    enumeration::{enumeration, quoted},
    ids::RoleId,
};

/// Names this alike are suggested.
const NEAR: f64 = 0.86;

/// How many suggestions are given at most.
const SUGGESTIONS: usize = 3;

/// Nobody means a task by a longer id.
const LONGEST: usize = 200;

/// What was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// A role.
    Role,
    /// A task.
    Task,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Role => "role",
            Self::Task => "task",
        })
    }
}

/// Nothing has this name, with what was probably meant, best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFound {
    /// Whether a role or a task was looked for.
    pub what: Found,
    /// What was written.
    pub text: String,
    /// Names of roles, or ids of tasks. May be empty.
    pub suggestions: Vec<String>,
    /// What to do, where it is the name of something else, or of several.
    pub why: Option<Cow<'static, str>>,
}

impl std::error::Error for NotFound {}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = crate::api::copied::without_secret(&self.text);
        let text = text.escape_debug();
        match (self.what, self.text.parse::<RoleId>()) {
            (Found::Role, Ok(_)) => write!(f, "no built-in role has the template id `{text}`"),
            (what, _) => write!(f, "no {what} is called `{text}`"),
        }
    }
}

impl NotFound {
    /// The way out, for a person: "did you mean `…`?"
    pub fn help(&self) -> String {
        if let Some(why) = &self.why {
            return why.to_string();
        }
        if self.what == Found::Role && self.text.parse::<RoleId>().is_ok() {
            return "write the name of the role, or its `roleTemplateId`: the `id` in `/directoryRoles` and \
                    the ids of custom roles differ from tenant to tenant"
                .to_owned();
        }
        let near: Vec<String> = self.suggestions.iter().map(quoted).collect();
        match (enumeration(&near, "or"), self.what) {
            (Some(near), _) => format!("did you mean {near}?"),
            (None, Found::Role) => "`concordat roles list` names every role; or say what is to be done: \
                                    `concordat roles tasks` lists it, and `concordat roles solve TASK` \
                                    names the role for it"
                .to_owned(),
            (None, Found::Task) => "`concordat roles tasks` names every task".to_owned(),
        }
    }
}

/// Every display name and former name in lower case, and the position of its role. Display names win over former names.
pub(super) fn names(roles: &[Role]) -> BTreeMap<String, usize> {
    let former = roles.iter().enumerate().flat_map(|(position, role)| {
        role.former_names.iter().map(move |name| (name.to_ascii_lowercase(), position))
    });
    let current =
        roles.iter().enumerate().map(|(position, role)| (role.name.to_ascii_lowercase(), position));
    former.chain(current).collect()
}

impl Catalogue {
    /// The role with this display name, former name or template id; upper and lower case are the same.
    pub fn find(&self, text: &str) -> Result<&Role, NotFound> {
        self.find_exactly(text).map_err(|missing| {
            let (suggestions, why) = self.role_suggestions(text);
            NotFound { suggestions, why, ..missing }
        })
    }

    /// The same without a look at what was meant, which takes much longer.
    pub fn find_exactly(&self, text: &str) -> Result<&Role, NotFound> {
        let position = match text.parse::<RoleId>() {
            Ok(id) => self.position(id),
            Err(_) => self.names.get(&text.to_ascii_lowercase()).copied(),
        };
        position.map(|position| &self.roles[position]).ok_or_else(|| NotFound {
            what: Found::Role,
            text: text.to_owned(),
            suggestions: Vec::new(),
            why: None,
        })
    }

    /// The task with this id.
    pub fn task(&self, id: &str) -> Result<&Task, NotFound> {
        self.tasks.get(id).ok_or_else(|| NotFound {
            what: Found::Task,
            text: id.to_owned(),
            suggestions: self.task_suggestions(id),
            why: None,
        })
    }

    fn role_suggestions(&self, text: &str) -> (Vec<String>, Option<Cow<'static, str>>) {
        if text.parse::<RoleId>().is_ok() {
            return (Vec::new(), None);
        }
        let known = self.known.get_or_init(|| Known::of(&self.roles));
        if let Some(Several { roles, help }) = several(self, known, text) {
            return (roles, Some(help.into()));
        }
        if let Some(id) = id_within(text) {
            let role = self.role(id).filter(|role| is_given(role));
            return (role.map(|role| role.name.to_owned()).into_iter().collect(), None);
        }
        match known.meant(text, &self.roles) {
            Meant::Roles(names) => (names, None),
            Meant::ShortFor(name, why) => (vec![name.to_owned()], Some(why.into())),
            Meant::NoRole(why) => (Vec::new(), Some(why.into())),
        }
    }

    fn task_suggestions(&self, text: &str) -> Vec<String> {
        if text.len() > LONGEST {
            return Vec::new();
        }
        let text = text.trim().to_lowercase();
        let near = self.tasks.values().map(|task| {
            let whole = likeness(&text, task.id.as_str());
            let last = if text == task.name { 1.0 } else { likeness(&text, task.name) };
            (whole.max(last), task.id.to_string())
        });
        best(near)
    }
}

/// The id in braces, without its hyphens, or beside the name.
fn id_within(text: &str) -> Option<RoleId> {
    let parse = |text: &str| {
        let text = text.trim().trim_matches(['(', ')', '[', ']']);
        uuid::Uuid::try_parse(text).ok()?.to_string().parse().ok()
    };
    parse(text).or_else(|| parse(text.rsplit_once([' ', '('])?.1))
}

fn likeness(text: &str, name: &str) -> f64 {
    strsim::jaro_winkler(text, name)
}

fn best(candidates: impl Iterator<Item = (f64, String)>) -> Vec<String> {
    let mut near: Vec<_> = candidates.filter(|(likeness, _)| *likeness >= NEAR).collect();
    near.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| first.cmp(second)));
    let mut names = Vec::new();
    for (_, name) in near {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(SUGGESTIONS);
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR};

    fn found(text: &str) -> &'static str {
        Catalogue::compiled().find(text).unwrap().name
    }

    fn suggested(text: &str) -> Vec<String> {
        Catalogue::compiled().find(text).unwrap_err().suggestions
    }

    #[test]
    fn a_role_is_found_by_its_name_its_former_name_and_its_template_id_in_any_case() {
        let cases = [
            ("Helpdesk Administrator", "Helpdesk Administrator"),
            ("helpdesk ADMINISTRATOR", "Helpdesk Administrator"),
            ("729827E3-9C14-49F7-BB1B-9608F156BBB8", "Helpdesk Administrator"),
            ("Company Administrator", "Global Administrator"),
            ("Power BI Administrator", "Fabric Administrator"),
            ("Power BI Service Administrator", "Fabric Administrator"),
            ("CRM Service Administrator", "Dynamics 365 Administrator"),
            ("Device Administrators", "Microsoft Entra Joined Device Local Administrator"),
            (
                "Azure AD Joined Device Local Administrator",
                "Microsoft Entra Joined Device Local Administrator",
            ),
            ("Customer LockBox Access Approver", "Customer Lockbox Access Approver"),
            ("Exchange Service Administrator", "Exchange Administrator"),
            ("Intune Service Administrator", "Intune Administrator"),
            ("Lync Service Administrator", "Skype for Business Administrator"),
            ("SharePoint Service Administrator", "SharePoint Administrator"),
            ("User Account Administrator", "User Administrator"),
        ];
        for (text, name) in cases {
            assert_eq!(found(text), name, "{text}");
        }
        assert_eq!(
            Catalogue::compiled().find(found("company administrator")).unwrap().id,
            GLOBAL_ADMINISTRATOR
        );
    }

    #[test]
    fn password_administrator_is_a_role_of_its_own() {
        let role = Catalogue::compiled().find("Password Administrator").unwrap();
        assert_eq!(role.id.to_string(), "966707d0-3269-4727-9be2-8c3a10f19b9d");
        assert_ne!(role.id, HELPDESK_ADMINISTRATOR);
    }

    #[test]
    fn every_role_is_found_by_what_it_is_called() {
        let catalogue = Catalogue::compiled();
        for role in catalogue.roles() {
            let id = role.id.to_string();
            for text in role.former_names.iter().copied().chain([role.name, id.as_str()]) {
                assert_eq!(catalogue.find(text).unwrap().id, role.id, "{text}");
            }
        }
    }

    #[test]
    fn a_near_miss_is_refused_with_a_suggestion() {
        assert_eq!(suggested("Helpdesk Admin")[0], "Helpdesk Administrator");
        assert_eq!(suggested("Globl Administrator")[0], "Global Administrator");
        assert_eq!(suggested(" User Administrator")[0], "User Administrator");
        let error = Catalogue::compiled().find("Helpdesk Admin").unwrap_err();
        assert_eq!(error.to_string(), "no role is called `Helpdesk Admin`");
        assert!(
            error.help().starts_with("did you mean `Helpdesk Administrator`"),
            "{}",
            error.help()
        );
    }

    #[test]
    fn a_role_as_it_is_known_elsewhere_leads_to_the_one_that_is_meant() {
        let cases = [
            ("App Administrator", "Application Administrator"),
            ("App Admin", "Application Administrator"),
            ("Service Administrator", "Service Support Administrator"),
            ("SharePoint Online Administrator", "SharePoint Administrator"),
            ("SharePoint Online Admin", "SharePoint Administrator"),
            ("Helpdesk Admin", "Helpdesk Administrator"),
            ("HelpdeskAdministrator", "Helpdesk Administrator"),
            ("help desk administrator", "Helpdesk Administrator"),
            ("user_administrator", "User Administrator"),
            ("User Management Administrator", "User Administrator"),
            ("Billing Admin", "Billing Administrator"),
            ("Exchange Online Administrator", "Exchange Administrator"),
            ("Office 365 Global Admin", "Global Administrator"),
            ("Teams Service Administrator", "Teams Administrator"),
            ("Teams Admin", "Teams Administrator"),
            (
                "Azure AD Joined Device Administrator",
                "Microsoft Entra Joined Device Local Administrator",
            ),
            ("Intune Admin", "Intune Administrator"),
            ("Auth Admin", "Authentication Administrator"),
            ("Global Admin Reader", "Global Reader"),
            ("Message Centre Reader", "Message Center Reader"),
            ("Mesage Center Reader", "Message Center Reader"),
            ("Licence Administrator", "License Administrator"),
            ("Group Administrator", "Groups Administrator"),
            ("Security Admin", "Security Administrator"),
            ("Conditional Access Admin", "Conditional Access Administrator"),
            ("Benutzeradministrator", "User Administrator"),
            ("Globaler Administrator", "Global Administrator"),
            ("Globaler Leser", "Global Reader"),
            ("Helpdeskadministrator", "Helpdesk Administrator"),
            ("Sicherheitsadministrator", "Security Administrator"),
            ("Administrateur général", "Global Administrator"),
            ("Administrateur Exchange", "Exchange Administrator"),
            ("Administrador de usuarios", "User Administrator"),
            ("Lector global", "Global Reader"),
            ("M365 Apps Administrator", "Office Apps Administrator"),
            ("Microsoft 365 Apps Admin", "Office Apps Administrator"),
            ("Office 365 Apps Admin", "Office Apps Administrator"),
            ("OneDrive Admin", "SharePoint Administrator"),
            ("Cloudanwendungsadministrator", "Cloud Application Administrator"),
            ("Cloudgeräteadministrator", "Cloud Device Administrator"),
            ("Authentifizierungsadministrator", "Authentication Administrator"),
            ("Dienstsupportadministrator", "Service Support Administrator"),
            ("Nachrichtencenter-Leser", "Message Center Reader"),
            ("Service Desk Administrator", "Helpdesk Administrator"),
            ("Servicedesk Admin", "Helpdesk Administrator"),
            ("AAD Connect Administrator", "Hybrid Identity Administrator"),
            ("Security Viewer", "Security Reader"),
            ("Directory Reader", "Directory Readers"),
            ("Global Administrator (built-in)", "Global Administrator"),
            ("{729827e3-9c14-49f7-bb1b-9608f156bbb8}", "Helpdesk Administrator"),
            ("729827e39c1449f7bb1b9608f156bbb8", "Helpdesk Administrator"),
            (
                "Helpdesk Administrator (729827e3-9c14-49f7-bb1b-9608f156bbb8)",
                "Helpdesk Administrator",
            ),
        ];
        let first: Vec<_> =
            cases.iter().map(|(text, _)| (*text, suggested(text).first().cloned())).collect();
        let expected: Vec<_> =
            cases.iter().map(|(text, role)| (*text, Some((*role).to_owned()))).collect();
        assert_eq!(first, expected);
    }

    #[test]
    fn nobody_is_led_to_a_role_that_does_more_than_what_was_written() {
        for name in ["Printer User", "Billing User", "Helpdesk User", "Helpdesk Benutzer"] {
            let missing = Catalogue::compiled().find(name).unwrap_err();
            let administers = |role: &String| role.ends_with("Administrator");
            assert!(!missing.suggestions.iter().any(administers), "{name}: {missing:?}");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table, one name for each language")]
    fn a_role_as_the_portals_call_it_in_other_languages_leads_to_its_english_name() {
        let cases: [(&str, &[&str]); 12] = [
            (
                "Global Administrator",
                &[
                    "Глобальный администратор",
                    "グローバル管理者",
                    "Administrateur général",
                    "Administrador global",
                    "Administrador Global",
                    "Amministratore globale",
                    "Globale beheerder",
                    "Administrator globalny",
                ],
            ),
            (
                "Global Reader",
                &[
                    "Глобальный читатель",
                    "グローバル閲覧者",
                    "Lecteur général",
                    "Lector global",
                    "Leitor Global",
                    "Ruolo con autorizzazioni di lettura globali",
                    "Lettore globale",
                    "Globale lezer",
                    "Czytelnik globalny",
                ],
            ),
            (
                "Helpdesk Administrator",
                &[
                    "Администратор службы поддержки",
                    "ヘルプデスク管理者",
                    "Administrateur du support technique",
                    "Administrador del departamento de soporte técnico",
                    "Administrador de Assistência Técnica",
                    "Amministratore supporto tecnico",
                    "Helpdeskbeheerder",
                    "Administrator pomocy technicznej",
                ],
            ),
            (
                "User Administrator",
                &[
                    "Администратор пользователей",
                    "ユーザー管理者",
                    "Administrateur d'utilisateurs",
                    "Administrador de usuarios",
                    "Administrador de Usuários",
                    "Amministratore utenti",
                    "Gebruikersbeheerder",
                    "Administrator użytkowników",
                ],
            ),
            (
                "Service Support Administrator",
                &[
                    "Администратор поддержки служб",
                    "サービス サポート管理者",
                    "Administrateur de support de service",
                    "Administrador de soporte técnico del servicio",
                    "Administrador de Suporte a Serviços",
                    "Amministratore supporto servizi",
                    "Serviceondersteuningsbeheerder",
                ],
            ),
            (
                "Security Administrator",
                &[
                    "Администратор безопасности",
                    "セキュリティ管理者",
                    "Administrateur de la sécurité",
                    "Administrador de seguridad",
                    "Administrador de Segurança",
                    "Amministratore della sicurezza",
                    "Beveiligingsbeheerder",
                    "Administrator zabezpieczeń",
                ],
            ),
            (
                "Security Reader",
                &[
                    "Читатель сведений о безопасности",
                    "セキュリティ閲覧者",
                    "Lecteur de sécurité",
                    "Lector de seguridad",
                    "Leitor de Segurança",
                    "Ruolo con autorizzazioni di lettura per la sicurezza",
                    "Beveiligingslezer",
                    "Czytelnik zabezpieczeń",
                    "Sicherheitsleseberechtigter",
                ],
            ),
            (
                "Exchange Administrator",
                &[
                    "Администратор Exchange",
                    "Exchange 管理者",
                    "Administrateur Exchange",
                    "Administrador de Exchange",
                    "Administrador do Exchange",
                    "Amministratore di Exchange",
                    "Exchange-beheerder",
                    "Administrator programu Exchange",
                ],
            ),
            (
                "Intune Administrator",
                &["Intune 管理者", "Администратор Intune", "Administrator usługi Intune"],
            ),
            (
                "Privileged Role Administrator",
                &[
                    "Администратор привилегированных ролей",
                    "特権ロール管理者",
                    "Administrateur de rôle privilégié",
                    "Administrador de roles con privilegios",
                    "Administrador de função com privilégios",
                    "Amministratore dei ruoli con privilegi",
                    "Beheerder met bevoorrechte rol",
                    "Administrator ról uprzywilejowanych",
                ],
            ),
            (
                "License Administrator",
                &[
                    "Администратор лицензий",
                    "ライセンス管理者",
                    "Administrateur de licences",
                    "Administrador de licencias",
                    "Administrador de Licenças",
                    "Amministratore licenze",
                    "Licentiebeheerder",
                    "Administrator licencji",
                ],
            ),
            (
                "Directory Readers",
                &[
                    "Читатели каталогов",
                    "ディレクトリ閲覧者",
                    "Lecteurs de répertoires",
                    "Lectores de directorios",
                    "Leitores de Diretório",
                    "Ruolo con autorizzazioni di lettura nella directory",
                    "Czytelnicy katalogu",
                ],
            ),
        ];
        let mut wrong = Vec::new();
        for (role, names) in cases {
            for name in names {
                let suggested = suggested(name);
                if suggested != [role] {
                    wrong.push(format!("{name}: {suggested:?}, not {role}"));
                }
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn a_reader_of_any_language_is_not_led_to_an_administrator() {
        for reader in
            ["Lecteur", "Lector", "Leitor", "Lettore", "Czytelnik", "Читатель", "Leser", "Lezer"]
        {
            for of in ["Exchange", "Intune", "Teams", "SharePoint", "License", "Password"] {
                for name in [format!("{reader} {of}"), format!("{of} {reader}")] {
                    let all = suggested(&name);
                    assert!(
                        all.iter().all(|role| !role.ends_with("Administrator")),
                        "{name}: {all:?}"
                    );
                }
            }
        }
        for name in
            ["Exchange 閲覧者", "Intune閲覧者", "ruolo di lettura Exchange", "Exchange-lezers"]
        {
            let all = suggested(name);
            assert!(all.iter().all(|role| !role.ends_with("Administrator")), "{name}: {all:?}");
        }
    }

    #[test]
    fn a_stronger_role_is_not_suggested_for_a_weaker_ones_name() {
        let catalogue = Catalogue::compiled();
        for text in ["App Administrator", "Service Administrator", "Auth Admin", "Exchange Admin"] {
            let suggested = suggested(text);
            assert!(!suggested.iter().any(|name| name == "Global Administrator"), "{suggested:?}");
            for name in suggested.iter().skip(1) {
                assert!(!catalogue.find(name).unwrap().privileged, "{text}: {suggested:?}");
            }
        }
        for text in ["Administrator", "Admin", "the administrator role", "Owner", "AdminAgents"] {
            assert_eq!(suggested(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn the_id_of_a_role_in_one_tenant_is_told_from_a_template_id() {
        let error = Catalogue::compiled().find("741ab5a1-5e1f-42be-8c6b-911e2db72b97").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no built-in role has the template id `741ab5a1-5e1f-42be-8c6b-911e2db72b97`"
        );
        assert!(error.help().contains("`/directoryRoles`"), "{}", error.help());
    }

    #[test]
    fn an_unknown_role_is_refused_with_the_way_to_the_list() {
        let error = Catalogue::compiled().find("zzz").unwrap_err();
        assert!(error.help().contains("`concordat roles solve TASK`"), "{}", error.help());
        assert!(suggested("00000000-0000-0000-0000-000000000000").is_empty());
        assert!(suggested("").is_empty());
    }

    #[test]
    fn look_alike_and_hidden_characters_never_match() {
        let cases = [
            "Gl\u{043e}bal Administrator",
            "Global\u{00a0}Administrator",
            "Global Administrator\u{202e}",
            "\u{200b}Global Administrator",
            "Global  Administrator",
            "\u{ff27}lobal Administrator",
            "Global Adm\u{0131}nistrator",
            "Global Administrator\0",
        ];
        for text in cases {
            assert_eq!(suggested(text)[0], "Global Administrator", "{text:?}");
        }
        let error = Catalogue::compiled().find("Global Administrator\u{202e}").unwrap_err();
        assert_eq!(error.to_string(), "no role is called `Global Administrator\\u{202e}`");
    }

    #[test]
    fn a_task_without_its_area_is_refused_with_every_area_that_has_it() {
        let error = Catalogue::compiled().task("assign-license").unwrap_err();
        assert_eq!(
            error.suggestions,
            ["groups/assign-license", "licenses/assign-license", "users/assign-license"]
        );
        let error = Catalogue::compiled().task("users/reset-password-nonadmin").unwrap_err();
        assert_eq!(error.suggestions[0], "users/reset-password-non-admin");
    }
}
