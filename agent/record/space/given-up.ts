/** What ext4 says of itself when it has found damage (seen with Linux 6.18; older ones mount it read-only): it is mounted writable still, and writes nothing. */
const GIVEN_UP = /(?:^|,)(?:emergency_ro|shutdown)(?:,|$)/;

/**
 * Whether the file system on a device has given itself up, which `access(2)` does not tell.
 * @param mountinfo proc(5): `ID PARENT MAJOR:MINOR ROOT FOLDER OPTIONS [FIELDS…] - TYPE SOURCE OPTIONS`
 * @param device `st_dev`
 */
export function hasGivenUp(mountinfo: string, device: number): boolean {
  const wanted = `${majorOf(device)}:${minorOf(device)}`;
  return mountinfo.split('\n').some((line) => {
    const [own = '', shared = ''] = line.split(' - ');
    return own.split(' ')[2] === wanted && GIVEN_UP.test(shared.split(' ')[2] ?? '');
  });
}

/** makedev(3), of numbers beyond 32 bits too. */
const majorOf = (device: number): number =>
  Number(((BigInt(device) >> 8n) & 0xfffn) | ((BigInt(device) >> 32n) & 0xfffff000n));
const minorOf = (device: number): number => Number((BigInt(device) & 0xffn) | ((BigInt(device) >> 12n) & 0xffffff00n));
