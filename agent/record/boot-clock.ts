/** What recordings need to know of time beyond the clock itself. */
export interface BootClock {
  /** Of this start of the machine: 32 hexadecimal digits. Monotonic times of one boot can be compared, also across starts of Perch. */
  readonly bootId: string;
  /** Microseconds since the machine was started. */
  monoUs(): number;
  /** The wall clock has been set (by NTP, GPS, a battery-backed clock): what it says is a time and not a guess. */
  readonly isTrusted: boolean;
}
