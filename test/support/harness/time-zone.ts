import { beforeAll } from 'vitest';

/** Changes the zone of this process. @returns what restores it */
export function changeZone(name: string): () => void {
  const zone = process.env['TZ'];
  process.env['TZ'] = name;
  return () => {
    if (zone === undefined) {
      delete process.env['TZ'];
    } else {
      process.env['TZ'] = zone;
    }
  };
}

/** For the tests of a file, whose recordings are named by the machine's zone. */
export const testInZone = (name: string): void => beforeAll(() => changeZone(name));
