import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from './agent.ts';

/** Perch without a configuration, and the address of its demo camera, a source for the paths of others. */
export async function startDemo(): Promise<{ readonly camera: Agent; readonly source: string }> {
  const camera = await startAgent({ isOwned: true });
  return { camera, source: await demoSource(camera) };
}

export const demoSource = (agent: Agent): Promise<string> =>
  until(async () => {
    const { items } = await agent.json<{ items: { source: string; name: string }[] }>('/v3/config/paths/list');
    return items.find(({ name }) => name === 'demo')?.source;
  });

/** @returns undefined if there is no path of this name */
export const findPath = (agent: Agent, name: string): Promise<PathStatus | undefined> =>
  agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
