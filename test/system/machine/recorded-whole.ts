import { globSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { readRecordingHead } from '../../../agent/record/file/recording-file.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';

interface Listed {
  readonly items: readonly { readonly name: string; readonly segments: readonly unknown[] }[];
}

export const filesOf = (folder: string, path: string): string[] => globSync(join(folder, path, '*.mp4')).sort();

/** A path records again: another file has begun since, or the running one has grown. */
export async function recordingGoesOn(agent: Agent, path: string, sizeOf: () => number): Promise<void> {
  await until(async () => {
    const { recording } = await agent
      .json<{ recording?: { active: boolean } }>(`/v3/paths/get/${path}`)
      .catch(() => ({ recording: undefined }));
    return recording?.active || undefined;
  });
  const before = sizeOf();
  await until(() => sizeOf() > before + 100_000 || undefined);
}

/**
 * Ends the agent and asks one that records nothing: each file is finished and is decoded to its end without a word of ffmpeg's,
 * and the index has all files of the disk.
 */
export async function expectWhole(
  agent: Pick<Agent, 'process' | 'dataDir'>,
  folder: string,
  path: string,
): Promise<void> {
  await agent.process.stop('SIGINT');
  await using asked = await startAgent({
    dataDir: agent.dataDir,
    config: `playback: yes\npathDefaults: { recordPath: ${folder}/%path/%Y-%m-%d_%H-%M-%S-%f }\npaths: { ${path}: }\n`,
  });
  const isFinished = async (file: string) => {
    await using handle = await open(file);
    return (await readRecordingHead(handle)).isFinished;
  };
  const files = await until(async () => {
    const found = filesOf(folder, path);
    return (await Promise.all(found.map(isFinished))).every(Boolean) ? found : undefined;
  });
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) {
    expect(await ffmpegWarnings(['-i', file]), file).toBe('');
  }
  await until(async () => {
    const { items } = await asked.json<Listed>('/v3/recordings/list');
    return items.find(({ name }) => name === path)?.segments.length === files.length || undefined;
  });
}
