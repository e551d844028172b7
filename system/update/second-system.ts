import { readFileSync } from 'node:fs';

/** The image for the Raspberry Pi has two systems; U-Boot chooses one. */
export type System = 'a' | 'b';

/** @param commandLine of the kernel @returns which one runs, or undefined if U-Boot did not start it */
export function runningSystem(commandLine = ownCommandLine()): System | undefined {
  const found = /(?:^|\s)perch\.system=([ab])(?:\s|$)/.exec(commandLine)?.[1];
  return found as System | undefined;
}

function ownCommandLine(): string {
  try {
    return readFileSync('/proc/cmdline', 'utf8');
  } catch {
    // Other systems than Linux.
    return '';
  }
}
