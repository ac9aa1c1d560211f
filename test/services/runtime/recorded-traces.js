/** What an OpenTelemetry SDK is to a process that is started with it: here each span is a line of a file. */
import { trace } from "@opentelemetry/api";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { appendFileSync } from "node:fs";

const file = String(process.env["OFFTAKE_TEST_SPANS"]);

/** @type {import("@opentelemetry/sdk-trace-base").SpanExporter} */
const exporter = {
  export(spans, done) {
    for (const { name, attributes, startTime, endTime, status } of spans)
      appendFileSync(
        file,
        `${JSON.stringify({ name, attributes, ms: (endTime[0] - startTime[0]) * 1e3 + (endTime[1] - startTime[1]) / 1e6, status })}\n`,
      );
    done({ code: 0 });
  },
  async shutdown() {},
};
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
