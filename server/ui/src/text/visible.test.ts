import { expect, it } from "vitest";
import { tame, visible } from "./visible";

it.each([
  ["plain text,\n\twith lines", "plain text,\n\twith lines"],
  ["bob@ours\u202eelpmaxe.live", "bob@ours\\u202eelpmaxe.live"],
  ["a\u200bb", "a\\u200bb"],
  ["\u{e0041}", "\\udb40\\udc41"],
  ["\u001b[2J", "\\u001b[2J"],
  ["Grüße, 日本語", "Grüße, 日本語"],
])("of %j one sees %j", (given, seen) => expect(visible(given)).toBe(seen));

it.each([
  ["line\r\n\tnext", "line\r\n\tnext"],
  ["bob@ours\u202eelpmaxe.live", "bob@ours\\u202eelpmaxe.live"],
  ["\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m"],
  ["\u{e0041}", "\\udb40\\udc41"],
  ["👩\u200d🌾, می\u200cخواهم, Grüße", "👩\u200d🌾, می\u200cخواهم, Grüße"],
])("of %j one reads %j", (given, read) => expect(tame(given)).toBe(read));
