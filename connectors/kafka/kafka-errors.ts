/**
 * Errors of the Kafka client, judged. Its own retries are off wherever order matters; what may be tried again is decided here, once.
 *
 * Source: Apache Kafka documentation, "Error Codes".
 */
import { findErrorBy, ProtocolError } from "@platformatic/kafka";
import { certificateRefusal } from "../../services/runtime/certificate-refusal.ts";
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";

/** The name of the broker's answer, NOT_LEADER_OR_FOLLOWER for one; undefined when no broker answered. */
export function brokerAnswer(error: unknown): string | undefined {
  const found = findProtocolError(error);
  return found === undefined ? undefined : String(found["apiId"]);
}

/** What the broker says beside the name, where it does: UNKNOWN_SERVER_ERROR alone helps nobody. */
function brokerWords(error: unknown): string {
  const words: unknown = findProtocolError(error)?.["serverErrorMessage"];
  return typeof words === "string" && words !== "" ? ` (${words})` : "";
}

function findProtocolError(error: unknown): ProtocolError | undefined {
  if (error instanceof ProtocolError) return error;
  if (error instanceof AggregateError) {
    for (const part of error.errors) {
      const found = findProtocolError(part);
      if (found !== undefined) return found;
    }
  }
  return error instanceof Error && error.cause !== undefined ? findProtocolError(error.cause) : undefined;
}

/** A broker went away, moved a leader or is not ready: ask again, of whoever leads now. */
export function passes(error: unknown): boolean {
  const answer = brokerAnswer(error);
  return answer === undefined ? !isRefusal(error) : passing.has(answer);
}

const passing = new Set([
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "REQUEST_TIMED_OUT",
  "BROKER_NOT_AVAILABLE",
  "REPLICA_NOT_AVAILABLE",
  "NETWORK_EXCEPTION",
  "COORDINATOR_LOAD_IN_PROGRESS",
  "COORDINATOR_NOT_AVAILABLE",
  "NOT_COORDINATOR",
  "NOT_ENOUGH_REPLICAS",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "NOT_CONTROLLER",
  "KAFKA_STORAGE_ERROR",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "OFFSET_NOT_AVAILABLE",
  "CONCURRENT_TRANSACTIONS",
  "THROTTLING_QUOTA_EXCEEDED",
  "UNKNOWN_TOPIC_OR_PARTITION",
  "UNKNOWN_TOPIC_ID",
]);

/** The client itself says that trying again is of no use: wrong credentials, TLS where none is spoken. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    certificateRefusal(error) !== undefined ||
    findErrorBy(error, "code", "PLT_KFK_AUTHENTICATION") !== null ||
    findErrorBy(error, "code", "PLT_KFK_USER") !== null
  );
}

/**
 * The client's error as one of ours, for everything but produce and fetch, which judge theirs themselves.
 *
 * @param doing what was tried, as in "create the topic offtake.orders"
 */
export function kafkaError(error: unknown, doing: string): OfftakeError {
  if (error instanceof OfftakeError) return error;
  const answer = brokerAnswer(error);
  const why = answer === undefined ? deepest(error) : `${answer}${brokerWords(error)}`;
  if (answer?.endsWith("_AUTHORIZATION_FAILED") === true)
    return new OfftakeError("KAFKA_NOT_ALLOWED", `Kafka does not let Offtake ${doing}: ${why}.`, {
      cause: error,
      cure: "Give Offtake's principal that right (kafka-acls).",
    });
  const certificate = certificateRefusal(error);
  if (certificate !== undefined)
    return new OfftakeError("KAFKA_REFUSED", `Kafka did not ${doing}: its certificate is not trusted: ${certificate}.`, {
      cause: error,
      cure: "Name the authority that signed it (kafka.tls.ca: file:/path/ca.pem), and the brokers, and what they advertise, as their certificates do.",
    });
  if (answer === undefined && isRefusal(error))
    return new OfftakeError("KAFKA_REFUSED", `Kafka refused to ${doing}: ${why}.`, {
      cause: error,
      cure: "Check kafka.tls and kafka.sasl in offtake.yaml.",
    });
  if (passes(error))
    return new OfftakeError("KAFKA_UNREACHABLE", `Kafka did not ${doing}: ${why}.`, {
      cause: error,
      cure: unreachableCure(answer, why),
    });
  return new OfftakeError("KAFKA_REFUSED", `Kafka refused to ${doing}: ${why}.`, { cause: error, cure: refusalCure(answer ?? "") });
}

function unreachableCure(answer: string | undefined, why: string): string {
  if (answer?.startsWith("NOT_ENOUGH_REPLICAS") === true)
    return "Fewer replicas are in sync than the topic's min.insync.replicas asks for: bring the missing brokers back.";
  if (/ENOTFOUND|EAI_AGAIN/.test(why)) return "No such host is known here: check kafka.brokers, the address that the broker advertises, and DNS.";
  if (why.includes("before secure TLS connection"))
    return "Does the broker speak TLS on this port? If not, take `tls` out of `kafka`, or give its port for TLS.";
  // A listener that wants TLS or a login hangs up, and so does PostgreSQL; a web server waits for the rest of a line.
  if (/^(Connection closed|Request timed out)/.test(why))
    return "If the broker is up: what listens there may be another server, or a listener that wants `tls` or `sasl` in `kafka`.";
  return "Is the broker up, and is its advertised address reachable from here?";
}

function refusalCure(answer: string): string {
  if (answer === "SASL_AUTHENTICATION_FAILED")
    return "Check username and password of kafka.sasl. A password that was changed is read when Offtake starts.";
  if (answer === "ILLEGAL_SASL_STATE") return "This listener asks for no login: take `sasl` out of `kafka`, or give the port of the one that does.";
  if (answer === "UNSUPPORTED_SASL_MECHANISM") return "Check kafka.sasl.mechanism in offtake.yaml: the broker does not offer it.";
  return "";
}

/** The client finds it out in metadata, so that no broker's answer says it: it would be taken for a refusal of who asks. */
export function missingTopic(error: unknown, topic: string): OfftakeError | undefined {
  if (!deepest(error).startsWith("Unknown topic")) return undefined;
  return new OfftakeError("TOPIC_MISSING", `The topic ${topic} does not exist.`, {
    cause: error,
    cure: "If it was never there, `offtake up` creates it. If it was deleted, its events are gone: the service's tables have to be copied again.",
  });
}

/** What the client wraps: "connect ECONNREFUSED 127.0.0.1:9092" says more than "Cannot connect to any broker." */
function deepest(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return deepest(error.errors[0]);
  if (error instanceof Error && error.cause !== undefined) return deepest(error.cause);
  return messageOf(error);
}
