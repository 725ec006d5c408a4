/** A positive whole number in an address; null where there is none. */
export function numberIn(params: URLSearchParams, name: string): number | null {
  const value = Number(params.get(name));
  return Number.isInteger(value) && value > 0 ? value : null;
}
