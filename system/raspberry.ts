/** Power and heat state of a Raspberry Pi's firmware: now, and at any time since boot. */
export interface PowerState {
  readonly underVoltage: ThrottleFlag;
  /** Slowed down because of voltage or heat. */
  readonly slowed: ThrottleFlag;
  readonly hot: ThrottleFlag;
}

interface ThrottleFlag {
  readonly now: boolean;
  readonly sinceStart: boolean;
}

/** Bits of `get_throttled`: the current state; 16 bits higher the same since boot. */
const UNDER_VOLTAGE = 1 << 0;
const FREQUENCY_CAPPED = 1 << 1;
const THROTTLED = 1 << 2;
const SOFT_TEMPERATURE_LIMIT = 1 << 3;

/** @param text of the kernel's file (`50005`, hex) or of `vcgencmd get_throttled` (`throttled=0x50005`) */
export function parseThrottled(text: string): PowerState | undefined {
  const [, digits] = /^(?:throttled=)?(?:0x)?([\da-f]{1,8})\s*$/i.exec(text.trim()) ?? [];
  if (digits === undefined) {
    return undefined;
  }
  const bits = Number.parseInt(digits, 16);
  const seen = (mask: number): ThrottleFlag => ({ now: (bits & mask) !== 0, sinceStart: ((bits >>> 16) & mask) !== 0 });
  return {
    underVoltage: seen(UNDER_VOLTAGE),
    slowed: seen(FREQUENCY_CAPPED | THROTTLED),
    hot: seen(SOFT_TEMPERATURE_LIMIT),
  };
}

/**
 * Used life of a flash card in percent, from JEDEC eMMC's DEVICE_LIFE_TIME_EST: tenths for two kinds of cells; the
 * larger value counts.
 * @param text `0x01 0x02`; 0: unknown
 */
export function parseLifeTime(text: string): number | undefined {
  const tenths = text.trim().split(/\s+/).map(Number);
  const worst = Math.max(...tenths.filter((tenth) => Number.isInteger(tenth) && tenth >= 1 && tenth <= 11));
  return Number.isFinite(worst) ? Math.min(100, worst * 10) : undefined;
}
