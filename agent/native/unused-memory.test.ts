import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeNative } from '../../test/support/base/native-tests.ts';
import { unchangedRanges } from './unused-memory.ts';

const PROGRAM = '/usr/lib/perch/node/bin/node';

/** /proc/PID/smaps as the kernel writes it, without most of its fields. */
const SMAPS = `00400000-01a3d000 r--p 00000000 fe:00 1234                               ${PROGRAM}
Rss:               22100 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr mw me sd
01a3e000-03f72000 r-xp 0163d000 fe:00 1234                               ${PROGRAM}
Rss:               31400 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me sd
03f73000-03f90000 r--p 03b71000 fe:00 1234                               ${PROGRAM}
Rss:                 116 kB
Anonymous:            24 kB
Swap:                  0 kB
VmFlags: rd mr mw me ac sd
03f90000-03fa0000 rw-p 03b8d000 fe:00 1234                               ${PROGRAM}
Anonymous:             0 kB
Swap:                  0 kB
03fa0000-03fb0000 r--p 03b9d000 fe:00 1234                               ${PROGRAM}
Anonymous:             0 kB
Swap:                 64 kB
7f0c5a5a0000-7f0c5a5f0000 r--p 00000000 fe:00 99                         /usr/lib/x86_64-linux-gnu/libc.so.6
Anonymous:             0 kB
Swap:                  0 kB
7f0c5a5f0000-7f0c5a5f4000 r--p 001d0000 fe:00 99                         /usr/lib/x86_64-linux-gnu/libc.so.6
Anonymous:            16 kB
Swap:                  0 kB
7f0c5a600000-7f0c5a612000 r-xp 00000000 fe:00 98                         /usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30
Anonymous:             0 kB
Swap:                  0 kB
7f0c5a614000-7f0c5a616000 r-xp 00000000 fe:00 97                         /usr/lib/x86_64-linux-gnu/libnss_files.so.2
Anonymous:             0 kB
Swap:                  0 kB
7f0c5a622000-7f0c5a624000 r--p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
`;

test('only ranges of the program and of the C and C++ libraries that are read-only and have no page of their own, in memory or in swap, are chosen', () => {
  const libraries = [
    { start: 0x7f0c5a5a0000n, length: 0x50000n },
    { start: 0x7f0c5a600000n, length: 0x12000n },
  ];
  expect(unchangedRanges(SMAPS, PROGRAM)).toEqual([
    { start: 0x400000n, length: 0x163d000n },
    { start: 0x1a3e000n, length: 0x2534000n },
    ...libraries,
  ]);
  expect(unchangedRanges(SMAPS, '/usr/bin/node')).toEqual(libraries);
});

const isGlibc = 'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header;

const BEGINNING = `
import { readFileSync } from 'node:fs';
import { gzipSync, gunzipSync } from 'node:zlib';
const { UnusedMemory } = await import(process.argv[1]);
const megabytes = (name) => Number(readFileSync('/proc/self/status', 'latin1').split(name + ':')[1].split('kB')[0]) / 1024;
const memory = await UnusedMemory.open();
const results = [];
`;

/** Prints the resident megabytes of mapped files before and after each release. */
const USING_PROGRAM = `
const work = () => gunzipSync(gzipSync(JSON.stringify(Array.from({ length: 9 }, (_, i) => i ** 2)))).toString();
for (let round = 0; round < 20; round += 1) {
  const before = megabytes('RssFile');
  const isReleased = memory.releaseProgram();
  results.push({ isReleased, before, after: megabytes('RssFile'), work: work() });
}
console.log(JSON.stringify(results));
`;

/** Prints the resident megabytes of anonymous memory before and after a release: 50 MB lie free below a buffer in use. */
const USING_MALLOC = `
let buffers = Array.from({ length: 500 }, () => Buffer.alloc(100_000, 1));
const kept = buffers.at(-1);
buffers = undefined;
gc();
await new Promise((resolve) => setTimeout(resolve, 100));
gc();
const before = megabytes('RssAnon');
const isReleased = memory.releaseHeap();
results.push({ isReleased, before, after: megabytes('RssAnon'), work: String(kept[99_999]) });
console.log(JSON.stringify(results));
`;

interface Release {
  readonly isReleased: boolean;
  readonly before: number;
  readonly after: number;
  readonly work: string;
}

function resultsOf(script: string): Release[] {
  const module = join(import.meta.dirname, 'unused-memory.ts');
  const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc', '--input-type=module'];
  // One arena, as in `run`.
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' };
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', BEGINNING + script, module], {
    encoding: 'utf8',
    env,
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Release[];
}

describeNative('with node:ffi', () => {
  test("the pages of Node's program leave the process, which runs as before", () => {
    const results = resultsOf(USING_PROGRAM);
    expect(results.map(({ isReleased }) => isReleased)).toEqual(results.map(() => true));
    expect(new Set(results.map(({ work }) => work))).toEqual(new Set(['[0,1,4,9,16,25,36,49,64]']));
    expect(results[0]?.after).toBeLessThan(0.5 * (results[0]?.before ?? 0));
  });

  test.runIf(isGlibc)("free memory below memory in use leaves malloc's heap", () => {
    const [result] = resultsOf(USING_MALLOC);
    expect(result).toMatchObject({ isReleased: true, work: '1' });
    expect((result?.before ?? 0) - (result?.after ?? 0)).toBeGreaterThan(30);
  });
});
