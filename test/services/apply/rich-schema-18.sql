-- What PostgreSQL 16, 17 and 18 have brought.

CREATE COLLATION ruled (PROVIDER = icu, LOCALE = 'und', RULES = '& V << w <<< W');
CREATE TABLE eighteen (
    id uuid DEFAULT uuidv7() PRIMARY KEY,
    a int CONSTRAINT "a is needed" NOT NULL,
    b int CONSTRAINT b_here_only NOT NULL NO INHERIT,
    doubled int GENERATED ALWAYS AS (a * 2) VIRTUAL,
    text_ text COLLATE ruled,
    at daterange NOT NULL,
    CONSTRAINT loose CHECK (a > b) NOT ENFORCED,
    CONSTRAINT at_a_time UNIQUE (a, at WITHOUT OVERLAPS)
);
COMMENT ON CONSTRAINT "a is needed" ON eighteen IS 'needed';
CREATE TABLE eighteen_more (a int, at daterange, eighteen uuid,
    CONSTRAINT in_time FOREIGN KEY (a, PERIOD at) REFERENCES eighteen (a, PERIOD at),
    CONSTRAINT not_really FOREIGN KEY (eighteen) REFERENCES eighteen NOT ENFORCED);
CREATE TABLE identities (id int GENERATED ALWAYS AS IDENTITY, at date, EXCLUDE USING gist (at WITH =)) PARTITION BY RANGE (at);
CREATE TABLE identities_1 PARTITION OF identities FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
