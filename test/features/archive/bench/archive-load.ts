import { join } from 'node:path';
import {
  CAMERAS,
  recordingConfig,
  recordingHasBegun,
  SETTLE_SECONDS,
  seconds,
  startCameras,
} from '../../../bench/cameras/eight-cameras.ts';
import type { Figure } from '../../../bench/measure/figure.ts';
import { cpuSeconds, pssMegabytes } from '../../../bench/measure/proc.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { startProcess } from '../../../peers/programs/process.ts';

/** Two files of each camera end in it, some 10 MB each: two parts. */
const MEASURED_SECONDS = 40;
const FILE_SECONDS = 20;
const CLIP_SECONDS = 240;

interface Run {
  /** More than without the archive. */
  readonly cores: number;
  readonly megabytes: number;
}

interface Status {
  readonly waiting: { readonly files: number };
  readonly archived: { readonly files: number; readonly bytes: number };
}

/** Both figures come from one run. */
let run: Promise<Run> | undefined;

async function oneRun(note: (text: string) => void): Promise<Run> {
  const sink = startProcess(process.execPath, [join(import.meta.dirname, '../../../bench/record/s3-sink.ts')]);
  await using cameras = await startCameras(CLIP_SECONDS);
  try {
    const [, port] = await sink.waitFor(/port (\d+)/);
    const config = recordingConfig(cameras).replace(
      'record: yes',
      `record: yes, recordSegmentDuration: ${FILE_SECONDS}s`,
    );
    await using agent = await startAgent({ config: `perch: own\nrecordMinFree: 1%\n${config}`, isOwned: true });
    await recordingHasBegun(agent);
    await seconds(SETTLE_SECONDS);
    const without = await measure(agent);
    await change(agent, {
      archive: 's3',
      archiveURL: `http://127.0.0.1:${port}`,
      archiveBucket: 'bench',
      archiveAccessKey: 'a',
      archiveSecretKey: 'b',
      archiveEncryption: 'yes',
    });
    // What was recorded before is archived first, at full speed.
    await until(async () => {
      const { archived, waiting } = await agent.json<Status>('/v3/archive');
      return archived.files > CAMERAS && waiting.files <= CAMERAS ? true : undefined;
    });
    const before = await agent.json<Status>('/v3/archive');
    const archiving = await measure(agent);
    const after = await agent.json<Status>('/v3/archive');
    const drops = agent.process.output().match(/recorder drops samples/g)?.length ?? 0;
    const megabytes = (after.archived.bytes - before.archived.bytes) / 1e6;
    note(
      `${without.cores.toFixed(3)} cores and ${without.megabytes.toFixed(1)} MB without, ` +
        `${archiving.cores.toFixed(3)} cores and ${archiving.megabytes.toFixed(1)} MB while ` +
        `${after.archived.files - before.archived.files} files (${megabytes.toFixed(0)} MB) were encrypted and archived; ` +
        `${drops} warnings of dropped samples`,
    );
    if (drops > 0 || megabytes < MEASURED_SECONDS) {
      throw new Error(`samples were dropped ${drops} times, ${megabytes.toFixed(0)} MB were archived`);
    }
    return { cores: archiving.cores - without.cores, megabytes: archiving.megabytes - without.megabytes };
  } finally {
    await sink.stop('SIGKILL');
  }
}

async function measure({ process: { pid } }: Agent): Promise<Run> {
  const before = cpuSeconds(pid);
  await seconds(MEASURED_SECONDS);
  return { cores: (cpuSeconds(pid) - before) / MEASURED_SECONDS, megabytes: pssMegabytes(pid) };
}

async function change({ url, headers }: Agent, keys: object): Promise<void> {
  const response = await fetch(`${url}/v3/config/global/patch`, {
    method: 'PATCH',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(keys),
  });
  if (!response.ok) {
    throw new Error(`${response.status} ${await response.text()}`);
  }
}

function both(note: (text: string) => void): Promise<Run> {
  run ??= oneRun(note);
  return run;
}

export const archiveCpu: Figure = {
  name: 'archive-cpu',
  unit: 'cores',
  goal: 0.1,
  isAbsolute: false,
  about:
    'CPU time of archiving 8 cameras, encrypted, to a server of S3 on this machine: more than recording alone takes',
  measure: async (note) => [(await both(note)).cores],
};

export const archiveMemory: Figure = {
  name: 'archive-memory',
  unit: 'MB',
  goal: 40,
  isAbsolute: false,
  about: 'proportional set size in the same run: more than recording alone takes',
  measure: async (note) => [(await both(note)).megabytes],
};
