import { expect, it } from "vitest";
import { layOut, type Place } from "./layout";

const about = (title: string, content: string) => ({ title, content });
const GARDEN = [
  about("Roses", "water the roses and prune the roses in spring"),
  about("Pruning", "prune roses before spring, water them after"),
  about("Watering", "water the roses every evening in spring"),
];
const MONEY = [
  about("Invoice", "the invoice of march was paid by transfer"),
  about("Payment", "invoice paid late, transfer confirmed in march"),
  about("Transfer", "the bank confirmed the transfer of the invoice"),
];

function distance(one: Place | undefined, other: Place | undefined): number {
  return Math.hypot((one?.x ?? 0) - (other?.x ?? 9), (one?.y ?? 0) - (other?.y ?? 9));
}

it("memories that share words stand nearer than those that do not", () => {
  const places = layOut([...GARDEN, ...MONEY]);
  const within = [distance(places[0], places[1]), distance(places[0], places[2]), distance(places[3], places[4])];
  const between = [distance(places[0], places[3]), distance(places[1], places[5]), distance(places[2], places[4])];
  expect(Math.max(...within)).toBeLessThan(Math.min(...between));
});

it("the same memories give the same map, inside the square", () => {
  const places = layOut([...GARDEN, ...MONEY]);
  expect(layOut([...GARDEN, ...MONEY])).toEqual(places);
  for (const { x, y } of places) expect(Math.min(x, y) >= 0 && Math.max(x, y) <= 1).toBe(true);
});

it("equal memories do not hide each other, and few of them have a place, too", () => {
  const places = layOut([about("a", "same words"), about("a", "same words"), about("a", "same words")]);
  expect(distance(places[0], places[1])).toBeGreaterThan(0.01);
  expect(layOut([about("alone", "one memory")])).toHaveLength(1);
  expect(layOut([])).toEqual([]);
});
