/** What many measurements say. */

/** The value below which a share of the measurements lies, between neighbours by their distance. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

export const median = (values) => quantile(values, 0.5);

/** The least-squares line through points, and how much of their variance it explains. */
export function line(points) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [0, 1].map((axis) => mean(points.map((point) => point[axis])));
  const sum = (of) => points.reduce((total, [a, b]) => total + of(a - x, b - y), 0);
  const slope = sum((a, b) => a * b) / sum((a) => a * a);
  const left = sum((a, b) => (b - slope * a) ** 2);
  return { slope, start: y - slope * x, r2: 1 - left / sum((_, b) => b * b) };
}
