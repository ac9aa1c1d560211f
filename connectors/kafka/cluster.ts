/**
 * One Kafka cluster as Offtake uses it: metadata and administration through the client library, and bare connections to brokers for produce and
 * fetch, whose order and buffers are ours (docs/decisions/0001-kafka-client.md).
 */
import { Admin, type ConnectionOptions } from "@platformatic/kafka";
import type { KafkaConfiguration } from "../../services/runtime/configuration.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { BrokerConnection } from "./broker-connection.ts";
import { kafkaError, missingTopic } from "./kafka-errors.ts";

/** Who leads partition 0 of a topic; every topic of Offtake has just that one. */
export interface Leader {
  /** Kafka's UUID of the topic: another one under the same name is another topic. */
  readonly topicId: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly host: string;
  readonly port: number;
  readonly leaderEpoch: number;
}

const saslMechanisms = { plain: "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512", oauthbearer: "OAUTHBEARER" } as const;

export class KafkaCluster {
  readonly admin: Admin;
  readonly #clientId: string;
  readonly #options: ConnectionOptions;

  /** @param clientId what brokers show in their logs and quotas */
  constructor(configuration: KafkaConfiguration, clientId: string) {
    this.#clientId = clientId;
    this.#options = connectionOptions(configuration);
    // One retry: whoever calls knows better whether to wait, and says so to the operator.
    this.admin = new Admin({
      ...this.#options,
      clientId,
      bootstrapBrokers: [...configuration.brokers],
      retries: 1,
      retryDelay: 200,
      metadataMaxAge: 0,
    });
  }

  /**
   * Asks the cluster, not a cache.
   *
   * @throws OfftakeError TOPIC_MISSING, KAFKA_UNREACHABLE, KAFKA_REFUSED
   */
  async leader(topic: string): Promise<Leader> {
    let metadata;
    try {
      metadata = await this.admin.metadata({ topics: [topic], forceUpdate: true });
    } catch (error) {
      throw missingTopic(error, topic) ?? kafkaError(error, `describe the topic ${topic}`);
    }
    const found = metadata.topics.get(topic);
    const partition = found?.partitions[0];
    const broker = partition === undefined ? undefined : metadata.brokers.get(partition.leader);
    if (found === undefined || partition === undefined || broker === undefined)
      throw new OfftakeError("KAFKA_UNREACHABLE", `The topic ${topic} has no leader at the moment.`, { cure: "Are all brokers up?" });
    return {
      topicId: found.id,
      partitions: found.partitionsCount,
      replicas: partition.replicas.length,
      host: broker.host,
      port: broker.port,
      leaderEpoch: partition.leaderEpoch,
    };
  }

  /**
   * A connection of one's own.
   *
   * @param timeoutMs after which a request without an answer ends the connection
   * @throws OfftakeError KAFKA_UNREACHABLE, KAFKA_REFUSED
   */
  async connect(broker: { host: string; port: number }, timeoutMs: number): Promise<BrokerConnection> {
    return BrokerConnection.open(broker, this.#clientId, this.#options, timeoutMs);
  }

  async close(): Promise<void> {
    await this.admin.close();
  }
}

function connectionOptions({ tls, sasl }: KafkaConfiguration): ConnectionOptions {
  return {
    connectTimeout: 5000,
    // What listens may be no broker and say nothing: asked for versions and metadata, each twice, the library's half minute came to two.
    requestTimeout: 10_000,
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...(tls.ca === undefined ? {} : { ca: tls.ca }),
            ...(tls.cert === undefined ? {} : { cert: tls.cert }),
            ...(tls.key === undefined ? {} : { key: tls.key.reveal() }),
          },
          tlsServerName: tls.serverName ?? true,
        }),
    ...(sasl === undefined
      ? {}
      : {
          sasl: {
            mechanism: saslMechanisms[sasl.mechanism],
            ...(sasl.username === undefined ? {} : { username: sasl.username }),
            ...(sasl.password === undefined ? {} : { password: sasl.password.reveal() }),
            ...(sasl.token === undefined ? {} : { token: sasl.token.reveal() }),
          },
        }),
  };
}
