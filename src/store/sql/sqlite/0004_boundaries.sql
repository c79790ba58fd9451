-- What bounds a namespace is what its last entry says, so that nobody widens it with the change that needs it, and no row
-- can say something else. Of a namespace that holds rows and has no entry, the rows' `scope` tells the name, and the default
-- limits held.
CREATE INDEX ledger_by_boundary ON ledger (subject, sequence) WHERE kind = 'BoundarySet';
