import { expect, test } from 'vitest';
import { startAgent } from '../../../peers/agent/agent.ts';

const CONFIG = `
paths:
  yard:
    motionZones: ["Drive: 0,0.5 0.5,0.5 0.5,1 0,1", "0.5,0.5 1,0.5 1,1 0.5,1"]
`;

test('objects that a program finds are in the zones of the camera, in the list and in the feed of events', async () => {
  await using agent = await startAgent({ config: CONFIG });
  const at = new Date().toISOString();
  const report = async (x: number, y: number) => {
    const labels = [{ type: 'person', score: 0.8, box: { x, y, width: 0.1, height: 0.3 }, at }];
    const body = JSON.stringify({ path: 'yard', type: 'motion', start: at, labels });
    expect((await fetch(`${agent.url}/v3/events`, { method: 'POST', body })).status).toBe(200);
  };
  const feed = await fetch(`${agent.url}/v3/events?types=event`);
  const reader = feed.body?.pipeThrough(new TextDecoderStream()).getReader() ?? expect.fail();
  await report(0.1, 0.4);
  let text = '';
  while (!text.includes('"type":"motion"')) {
    text += (await reader.read()).value;
  }
  expect(text).toContain('"zones":["Drive"]');
  await reader.cancel();
  await report(0.8, 0.6);
  await report(0.1, 0.1);
  const to = new Date(Date.now() + 60_000).toISOString();
  const zonesOf = async (more: string) => {
    const { items } = await agent.json<{ items: { zones: string[] | null }[] }>(`/v3/events/list?to=${to}${more}`);
    return items.map(({ zones }) => zones?.join() ?? null).sort();
  };
  expect(await zonesOf('')).toEqual(['Drive', 'Zone 2', null]);
  expect(await zonesOf('&zone=Zone%202')).toEqual(['Zone 2']);
  const cards = await agent.json<{ items: object[]; zones: string[] }>(`/v3/reviews?to=${to}&zone=Drive`);
  expect([cards.items.length, cards.zones]).toEqual([1, ['Drive', 'Zone 2']]);
});
