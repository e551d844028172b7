import { expect, test } from 'vitest';
import { startAgent } from '../../../peers/agent/agent.ts';

test('the demo camera, which is there some time after the start, is offered', async () => {
  const env = { PERCH_ONVIF: 'yes', PERCH_ONVIFADDRESS: '127.0.0.1:0', PERCH_ONVIFDISCOVERY: 'no' };
  await using agent = await startAgent({ env, isOwned: true });
  const paths = async () => {
    const { cameras } = await agent.json<{ cameras: { path: string; port: number | null }[] }>('/v3/onvif');
    return cameras.filter(({ port }) => port !== null).map(({ path }) => path);
  };
  await expect.poll(paths, { timeout: 20_000 }).toEqual(['demo']);
});
