import { describe, expect, it } from "vitest";
import type { Invitation } from "../api/people";
import { deviceName, fateOf } from "./words";

const LINK: Invitation = {
  id: "1",
  purpose: "join",
  email: "a@b.org",
  role: "viewer",
  made_by: "Ann",
  created_at: "2026-01-01T00:00:00Z",
  expires_at: "2026-01-08T00:00:00Z",
  used_at: null,
  revoked_at: null,
};
const BEFORE = Date.parse("2026-01-02T00:00:00Z");
const AFTER = Date.parse("2026-02-01T00:00:00Z");

describe("links", () => {
  it("are open until they end, are used or revoked", () => {
    expect(fateOf(LINK, BEFORE)).toBe("open");
    expect(fateOf(LINK, AFTER)).toBe("expired");
    expect(fateOf({ ...LINK, used_at: LINK.created_at }, BEFORE)).toBe("used");
    expect(fateOf({ ...LINK, revoked_at: LINK.created_at }, BEFORE)).toBe("revoked");
  });
});

describe("devices", () => {
  it("are named by browser and system", () => {
    const edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0";
    expect(deviceName("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe(
      "Firefox on Linux",
    );
    expect(deviceName(edge)).toMatch(/on Windows$/);
    expect(deviceName("curl/8.0")).toBe("curl/8.0");
    expect(deviceName("")).toBe("unknown device");
  });
});
