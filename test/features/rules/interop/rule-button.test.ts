import { expect, test, vi } from 'vitest';
import { openAdoptionHarness } from '../../../support/harness/adoption-harness.ts';
import { featuresWith } from '../../notify/support/features-with.ts';
import { openPushService } from '../../notify/support/push-service.ts';

const CONFIG = `
rules: [{name: Yard too, then: [{record: yes, path: yard, seconds: 60}]}]
paths: {door: {}, yard: {}}
`;

test('the owner chooses a rule as a button of push messages, and a press runs it once', async () => {
  await using service = await openPushService();
  await using box = await openAdoptionHarness({}, CONFIG, { features: featuresWith({ https: service.https }) });
  const rules = [{ cameras: 'all', kinds: ['person'] }];
  const buttons = ['quiet', 'rule:Yard too'];
  const subscription = { ...service.subscription, language: 'en', rules, buttons };
  await box.ask('POST', '/notifications', subscription, { cookie: box.cookie });
  const listed = (await box.call('GET', '/notifications')).body;
  expect(listed).toMatchObject({ actions: [{ id: 'rule:Yard too', title: 'Yard too' }], items: [{ buttons }] });
  await box.call('POST', '/events', { path: 'door', type: 'person' });
  await vi.waitFor(() => expect(service.messages).toHaveLength(1), { timeout: 10_000 });
  const shown = service.messages[0]?.payload['buttons'] as { readonly title: string; readonly token: string }[];
  expect(shown.map(({ title }) => title)).toEqual(['Quiet for an hour', 'Yard too']);
  const press = async () => {
    const { status, bytes } = await box.ask(
      'POST',
      '/notifications/press',
      { token: shown[1]?.token },
      { cookie: box.cookie },
    );
    return [status, JSON.parse(Buffer.from(bytes).toString()).text];
  };
  expect(await press()).toEqual([200, 'Yard too: done']);
  expect((await press())[0]).toBe(404);
  expect((await box.call('GET', '/rules/list')).body['items']).toMatchObject([
    { name: 'Yard too', last: { by: 'button', results: [{ action: 'record', path: 'yard', problem: null }] } },
  ]);
});
