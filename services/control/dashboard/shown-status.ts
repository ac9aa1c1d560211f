/**
 * The status as the page reads it: the part of `GET /status` and of the stream's messages that some view shows. Names are the API's (docs/openapi.json); null is what nobody could find out,
 * and is shown as that.
 */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly cure: string;
}

export interface ShownSlot {
  readonly name: string;
  readonly word: string;
  readonly reason: string;
  /** Whether somebody has to be woken. */
  readonly page: boolean;
  readonly active: boolean | null;
  readonly retainedBytes: number | null;
  readonly safeBytes: number | null;
  readonly budgetBytes: number;
  /** Of the WAL that is kept, over the last minutes; 0 where it does not grow. */
  readonly growthBytesPerSecond: number | null;
  readonly secondsToLoss: number | null;
}

export interface ShownCopy {
  readonly table: string;
  readonly state: string;
  /** Why it was ordered: that of the mark which it takes away. */
  readonly reason: string;
  readonly rows: number;
  readonly estimatedRows: number | null;
  readonly rowsPerSecond: number | null;
  readonly secondsLeft: number | null;
  readonly waitsFor: string | null;
  readonly error: string | null;
  readonly verifiedAt: string | null;
}

export interface ShownPass {
  readonly table: string;
  readonly verdict: string;
  readonly level: string;
  readonly finishedAt: string;
  readonly mismatches: number;
  readonly lastCleanAt: string | null;
  readonly lastPassAt: string | null;
}

export interface ShownAlert {
  readonly table: string;
  readonly kind: string;
  readonly detail: string;
  readonly raisedAt: string;
}

export interface ShownService {
  readonly service: string;
  readonly connector: string;
  readonly slot: ShownSlot;
  readonly capturedLsn: string | null;
  readonly appliedLsn: string | null;
  readonly lag: {
    readonly capture: { readonly bytes: number | null; readonly seconds: number | null };
    readonly apply: { readonly bytes: number | null; readonly seconds: number | null; readonly events: number | null };
  };
  readonly eventsPerSecond: number | null;
  readonly topicEnd: number | null;
  readonly appliedOffset: number | null;
  readonly needsCopy: readonly { readonly table: string; readonly reason: string }[];
  readonly copies: readonly ShownCopy[];
  readonly reconciliations: readonly ShownPass[];
  readonly alerts: readonly ShownAlert[];
  readonly parked: readonly { readonly table: string; readonly keys: number; readonly deadLetters: number }[];
  readonly paused: { readonly by: string; readonly since: string } | null;
  readonly errors: readonly Trouble[];
}

export interface ShownUnit {
  /** Such as `connector trading`. */
  readonly unit: string;
  readonly process: string;
  readonly ready: boolean;
  readonly reason: string;
  readonly ageSeconds: number;
}

export interface Finding {
  readonly level: string;
  readonly where: string;
  readonly what: string;
  readonly cure: string;
}

export interface ShownValidation {
  readonly at: string;
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}

export interface ShownStatus {
  /** ISO 8601, by the server's clock. */
  readonly at: string;
  readonly services: readonly ShownService[];
  /** Null where the control database, which knows them, cannot be asked. */
  readonly units: readonly ShownUnit[] | null;
  readonly validation: ShownValidation | null;
}

/** What has changed since: of each service its name and the fields that are others now, and the rest where it is another. A service that was not there comes whole. */
export interface StatusPatch {
  readonly at: string;
  readonly services: readonly (Pick<ShownService, "service"> & Partial<ShownService>)[];
  readonly units?: readonly ShownUnit[] | null;
  readonly validation?: ShownValidation | null;
}
