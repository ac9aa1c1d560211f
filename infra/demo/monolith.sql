-- The trading monolith of the demo: nine tables that five services will own.
--
-- A demo on tables of three integers shows nothing. So there is what a monolith that has grown for years has: keys of every kind, foreign keys
-- across what will be services, triggers that change other tables, generated columns, enums, domains, money that must keep its zeros, and texts
-- that are long enough to be stored out of line, which the WAL leaves out of an update that does not touch them.

CREATE TYPE kyc_status AS ENUM ('pending', 'verified', 'rejected');
CREATE TYPE strategy_kind AS ENUM ('momentum', 'mean reversion', 'arbitrage', 'market making');
CREATE TYPE agent_state AS ENUM ('starting', 'idle', 'trading', 'paused', 'failed');
CREATE TYPE trade_side AS ENUM ('buy', 'sell');
CREATE TYPE trade_status AS ENUM ('open', 'filled', 'cancelled', 'expired');
CREATE TYPE decision_action AS ENUM ('buy', 'sell', 'hold');
CREATE TYPE outcome_label AS ENUM ('win', 'loss', 'flat');

CREATE DOMAIN email_address AS text CHECK (VALUE LIKE '%_@_%');
CREATE DOMAIN symbol_code AS varchar(20) CHECK (VALUE ~ '^[A-Z0-9./-]+$');
CREATE DOMAIN probability AS numeric(9, 8) CHECK (VALUE BETWEEN 0 AND 1);

-- users: api-gateway -------------------------------------------------------------------------------------------------------------------

CREATE TABLE users (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email           email_address NOT NULL UNIQUE,
  full_name       text NOT NULL,
  country         char(2) NOT NULL,
  kyc             kyc_status NOT NULL DEFAULT 'pending',
  roles           text[] NOT NULL DEFAULT '{trader}',
  cash            numeric(18, 8) NOT NULL DEFAULT 0 CONSTRAINT users_no_overdraft CHECK (cash >= 0),
  preferences     jsonb NOT NULL DEFAULT '{}',
  password_hash   bytea NOT NULL,
  two_factor      boolean NOT NULL DEFAULT false,
  born_on         date,
  session_limit   interval NOT NULL DEFAULT '12 hours',
  last_login_from inet,
  email_domain    text GENERATED ALWAYS AS (lower(split_part(email::text, '@', 2))) STORED,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX users_email_domain ON users (email_domain);
CREATE INDEX users_preferences ON users USING gin (preferences jsonb_path_ops);
COMMENT ON TABLE users IS 'Whoever may log in. Owned by the API gateway.';
COMMENT ON COLUMN users.cash IS 'Free money, in the account''s currency; eight decimals, since some currencies have them.';

-- strategies, agent_status: orchestrator -----------------------------------------------------------------------------------------------

CREATE TABLE strategies (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner_id        uuid NOT NULL REFERENCES users (id),
  code            text NOT NULL,
  kind            strategy_kind NOT NULL,
  symbols         text[] NOT NULL CHECK (cardinality(symbols) > 0),
  parameters      jsonb NOT NULL DEFAULT '{}',
  source_code     text NOT NULL,
  capital         numeric(18, 8) NOT NULL CHECK (capital > 0),
  max_drawdown    probability NOT NULL DEFAULT 0.2,
  enabled         boolean NOT NULL DEFAULT true,
  rebalance_every interval NOT NULL DEFAULT '1 hour',
  trades_from     time NOT NULL DEFAULT '09:30',
  trades_until    time NOT NULL DEFAULT '24:00',
  valid           daterange NOT NULL DEFAULT '[2020-01-01,)',
  revision        integer NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  UNIQUE (owner_id, code)
);
COMMENT ON COLUMN strategies.source_code IS 'Long: stored out of line, and not in the WAL of an update that leaves it alone.';

CREATE TABLE agent_status (
  agent        text NOT NULL,
  host         text NOT NULL,
  state        agent_state NOT NULL DEFAULT 'starting',
  strategy_id  bigint REFERENCES strategies (id) ON DELETE SET NULL,
  pid          integer CHECK (pid > 0),
  load         double precision[] NOT NULL DEFAULT '{}',
  memory_mb    real,
  last_trace   text,
  heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (agent, host)
);
CREATE INDEX agent_status_strategy ON agent_status (strategy_id);
COMMENT ON TABLE agent_status IS 'One row for each agent on its host. An agent that moves to another host changes its key.';

-- trades, positions: trading-engine ----------------------------------------------------------------------------------------------------

CREATE TABLE trades (
  id              bigserial PRIMARY KEY,
  client_order_id uuid NOT NULL UNIQUE,
  user_id         uuid NOT NULL REFERENCES users (id),
  strategy_id     bigint NOT NULL REFERENCES strategies (id),
  symbol          symbol_code NOT NULL,
  side            trade_side NOT NULL,
  status          trade_status NOT NULL DEFAULT 'open',
  quantity        numeric(18, 8) NOT NULL CHECK (quantity > 0),
  price           numeric(18, 8) NOT NULL CHECK (price > 0),
  fee             numeric(18, 8) NOT NULL DEFAULT 0,
  notional        numeric(36, 16) GENERATED ALWAYS AS (quantity * price) STORED,
  venue           text NOT NULL DEFAULT 'XNAS',
  settles_on      date,
  fix_message     bytea,
  opened_at       timestamptz NOT NULL DEFAULT now(),
  filled_at       timestamptz,
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT trades_filled_at CHECK ((status = 'filled') = (filled_at IS NOT NULL))
);
CREATE INDEX trades_of_user ON trades (user_id, opened_at DESC);
CREATE INDEX trades_open ON trades (strategy_id) WHERE status = 'open';

CREATE TABLE positions (
  strategy_id   bigint NOT NULL REFERENCES strategies (id),
  symbol        symbol_code NOT NULL,
  quantity      numeric(18, 8) NOT NULL DEFAULT 0,
  invested      numeric(36, 16) NOT NULL DEFAULT 0,
  mark_price    numeric(18, 8),
  trades        integer NOT NULL DEFAULT 0,
  last_trade_id bigint REFERENCES trades (id) ON DELETE SET NULL,
  updated_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (strategy_id, symbol)
);
CREATE INDEX positions_last_trade ON positions (last_trade_id);
COMMENT ON TABLE positions IS 'What a strategy holds of a symbol. Nobody writes it but the trigger on trades, and the market data that marks it.';

-- ai_decisions, ai_decision_features, ai_calibration_log: ai-decision --------------------------------------------------------------------

CREATE TABLE ai_decisions (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  strategy_id   bigint NOT NULL REFERENCES strategies (id),
  trade_id      bigint REFERENCES trades (id) ON DELETE SET NULL,
  model         text NOT NULL,
  action        decision_action NOT NULL,
  confidence    probability NOT NULL,
  rationale     text NOT NULL,
  market        jsonb NOT NULL DEFAULT '{}',
  embedding     real[],
  features_hash bytea,
  took          interval,
  superseded    boolean NOT NULL DEFAULT false,
  decided_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ai_decisions_of_strategy ON ai_decisions (strategy_id, decided_at DESC);
CREATE INDEX ai_decisions_trade ON ai_decisions (trade_id);
COMMENT ON COLUMN ai_decisions.rationale IS 'What the model wrote; some are long.';

CREATE TABLE ai_decision_features (
  decision_id uuid NOT NULL REFERENCES ai_decisions (id) ON DELETE CASCADE,
  name        text NOT NULL,
  value       double precision NOT NULL,
  weight      real NOT NULL DEFAULT 1,
  bucket      smallint,
  observed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (decision_id, name)
);

CREATE TABLE ai_calibration_log (
  id         integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  model      text NOT NULL,
  predicted  probability NOT NULL,
  observed   probability NOT NULL,
  brier      double precision NOT NULL,
  period     tstzrange,
  note       text,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ai_calibration_log IS 'Emptied when the models are calibrated anew.';

-- ai_trade_outcomes: analytics ---------------------------------------------------------------------------------------------------------

CREATE TABLE ai_trade_outcomes (
  trade_id        bigint NOT NULL REFERENCES trades (id) ON DELETE CASCADE,
  horizon_minutes integer NOT NULL CHECK (horizon_minutes > 0),
  decision_id     uuid REFERENCES ai_decisions (id) ON DELETE SET NULL,
  label           outcome_label NOT NULL,
  profit          numeric(18, 8) NOT NULL,
  return_rate     double precision,
  attribution     jsonb NOT NULL DEFAULT '{}',
  measured_at     timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (trade_id, horizon_minutes)
);
CREATE INDEX ai_trade_outcomes_decision ON ai_trade_outcomes (decision_id);

-- Triggers -----------------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END $$;

CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER touch BEFORE UPDATE ON strategies FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER touch BEFORE UPDATE ON agent_status FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER touch BEFORE UPDATE ON trades FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER touch BEFORE UPDATE ON positions FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER touch BEFORE UPDATE ON ai_decisions FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER touch BEFORE UPDATE ON ai_trade_outcomes FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- Every trade that is filled changes exactly one position: the load counts on it when it counts the row changes it has committed.
CREATE FUNCTION book_position() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  signed numeric := CASE NEW.side WHEN 'buy' THEN NEW.quantity ELSE -NEW.quantity END;
BEGIN
  INSERT INTO positions AS p (strategy_id, symbol, quantity, invested, mark_price, trades, last_trade_id)
  VALUES (NEW.strategy_id, NEW.symbol, signed, signed * NEW.price, NEW.price, 1, NEW.id)
  ON CONFLICT (strategy_id, symbol) DO UPDATE
    SET quantity = p.quantity + EXCLUDED.quantity, invested = p.invested + EXCLUDED.invested, mark_price = EXCLUDED.mark_price,
        trades = p.trades + 1, last_trade_id = EXCLUDED.last_trade_id;
  RETURN NULL;
END $$;

CREATE TRIGGER book_new AFTER INSERT ON trades FOR EACH ROW WHEN (NEW.status = 'filled') EXECUTE FUNCTION book_position();
CREATE TRIGGER book_filled AFTER UPDATE OF status ON trades FOR EACH ROW
  WHEN (OLD.status <> 'filled' AND NEW.status = 'filled') EXECUTE FUNCTION book_position();
