/** A line of SVG through some figures, from 0 to the largest of them. Where one was not known there is a gap: a line that went on through it would show what nobody has seen. Pure. */

/** @returns the attribute `d`; empty for nothing to show */
export function sparklinePath(values: readonly (number | null)[], width: number, height: number): string {
  const largest = Math.max(...values.map((value) => value ?? 0), 0);
  const steps = Math.max(values.length - 1, 1);
  let isDown = false;
  const points = values.map((value, i) => {
    const command = isDown ? "L" : "M";
    isDown = value !== null;
    if (value === null) return "";
    const y = largest === 0 ? height - 1 : height - 1 - (value / largest) * (height - 2);
    return `${command}${((i / steps) * width).toFixed(1)} ${y.toFixed(1)}`;
  });
  return points.join("");
}
