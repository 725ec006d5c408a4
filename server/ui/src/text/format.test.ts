import { expect, it } from "vitest";
import { bytes, duration, plural, relative, shortId } from "./format";

it.each([
  [-5, "0 ms"],
  [3.14, "3.1 ms"],
  [840, "840 ms"],
  [999.7, "1.0 s"],
  [3_240, "3.2 s"],
  [59_700, "1 min"],
  [250_000, "4 min 10 s"],
  [7_500_000, "2 h 5 min"],
  [3 * 86_400_000, "3 d"],
])("a duration of %d ms is %s", (ms, text) => expect(duration(ms)).toBe(text));

it.each([
  [0, "just now"],
  [12_000, "12 s ago"],
  [300_000, "5 min ago"],
  [-300_000, "in 5 min"],
  [90_000_000, "25 h ago"],
])("%d ms back is %s", (ago, text) => expect(relative(1e12 - ago, 1e12)).toBe(text));

it("ids are told apart by their ends", () => {
  expect(shortId("01a200b1-bc54-722b-8c1b-082aa8f9a318")).toBe("…a8f9a318");
  expect(shortId("call-1")).toBe("call-1");
});

it("plurals", () => expect([plural(1, "run"), plural(1200, "run")]).toEqual(["1 run", "1,200 runs"]));

it.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [1023, "1,023 bytes"],
  [1024, "1.0 KiB"],
  [1_048_575, "1.0 MiB"],
  [3_565_158, "3.4 MiB"],
])("%i bytes are told as %s", (value, words) => {
  expect(bytes(value)).toBe(words);
});
