-- How many findings the material of a render has, of each severity, as JSON: counted when it is planned, because looking for them again takes
-- the facts of all its clips. NULL until then, and for renders that were planned before this column was there.
ALTER TABLE renders ADD COLUMN foreseen TEXT;
