/**
 * Takes a batch that was refused apart by halves, down to the transaction that is at fault: all others stay merged. One by one, a single event that does not fit cost
 * fifteen thousand statements of a batch of five thousand rows, and a service that met one in every batch fell behind for good.
 *
 * Where many are at fault each look at a half is one more for nothing: then the rest goes one by one.
 *
 * Pure apart from what it calls.
 */

/** Halves that may be refused, for each time that a batch can be halved: four transactions at fault of a batch are found by halves. */
const refusalsOfEach = 4;

/**
 * Applies transactions in their order.
 *
 * @param count of transactions, which were refused together
 * @param together applies those from `first` to `last`, both with it, as one; false where they were refused
 * @param alone applies one; throws where it cannot be applied
 */
export async function byHalves(
  count: number,
  together: (first: number, last: number) => Promise<boolean>,
  alone: (at: number) => Promise<void>,
): Promise<void> {
  let left = refusalsOfEach * Math.ceil(Math.log2(Math.max(count, 2)));
  const apart = async (first: number, last: number): Promise<void> => {
    if (first === last) return alone(first);
    const middle = (first + last) >> 1;
    for (const [from, to] of [
      [first, middle],
      [middle + 1, last],
    ] as const) {
      if (from === to) await alone(from);
      else if (left === 0) for (let at = from; at <= to; at += 1) await alone(at);
      else if (!(await together(from, to))) {
        left -= 1;
        await apart(from, to);
      }
    }
  };
  await apart(0, count - 1);
}
