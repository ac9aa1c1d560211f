/** A cluster whose leaders are reached through a proxy: what is asked of any broker goes there directly, produce and fetch through it. */
import { KafkaCluster, type Leader } from "../../../connectors/kafka/cluster.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { kafkaConfiguration } from "../../support/topics.ts";

export class ProxiedCluster extends KafkaCluster implements AsyncDisposable {
  readonly proxy: TcpProxy;

  private constructor(brokers: readonly string[] | undefined, proxy: TcpProxy) {
    super(kafkaConfiguration(brokers), "offtake-test");
    this.proxy = proxy;
  }

  /** @param brokers default: those of the run; the first of them is the leader of everything */
  static async start(brokers?: readonly string[]): Promise<ProxiedCluster> {
    const [host = "", port = ""] = kafkaConfiguration(brokers).brokers[0]!.split(":");
    return new ProxiedCluster(brokers, await TcpProxy.start(() => ({ host, port: Number(port) })));
  }

  override async leader(topic: string): Promise<Leader> {
    return { ...(await super.leader(topic)), host: "127.0.0.1", port: this.proxy.port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.proxy[Symbol.asyncDispose]();
  }
}
