import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { changed, done, open } from '../../../test/support/harness/backups.ts';
import { fileOf } from '../../../test/support/harness/edited-config.ts';
import { globalJson } from '../../config/edit/json.ts';
import { secretsIn } from '../../config/edit/secrets.ts';

const OWNER = { hasAllRights: true };

// The broker gets the password, and its clients may send commands.
test.for([{ mqttURL: 'mqtt://192.0.2.1' }, { mqttFingerprint: 'ab'.repeat(32) }, { mqttCommands: true }])(
  'only the owner sets %j',
  async (settings) => {
    const { edits } = await fileOf('perch: own\n');
    await expect(edits.patchGlobal(settings, { hasAllRights: false })).rejects.toThrow(': only the owner');
  },
);

test('the kept password of the MQTT broker does not go to another one', async () => {
  const before = 'perch: own\nmqttURL: mqtts://broker:8883\nmqttPassword: hunter22\n';
  const { edits, store, text } = await fileOf(before);
  for (const mqttURL of ['mqtts://evil:8883', 'mqtt://broker:8883', 'mqtts://broker:8884', ' mqtts://evil']) {
    for (const kept of [{}, { mqttPassword: '<redacted>' }]) {
      await expect(edits.patchGlobal({ mqttURL, ...kept }, OWNER), mqttURL).rejects.toMatchObject({
        code: 'badInput',
        message: 'the kept password is that of another server: send mqttPassword',
      });
    }
  }
  expect(text()).toBe(before);
  await edits.patchGlobal(globalJson(store.current), OWNER);
  expect(text()).toBe(before);
  // Not in two steps, either.
  await edits.patchGlobal({ mqttURL: '' }, OWNER);
  await expect(edits.patchGlobal({ mqttURL: 'mqtts://evil:8883' }, OWNER)).rejects.toThrow('another server');
  await edits.patchGlobal({ mqttURL: 'mqtt://other', mqttPassword: 'theirs' }, OWNER);
  expect(store.current).toMatchObject({ mqttURL: 'mqtt://other', mqttPassword: 'theirs' });
  await edits.patchGlobal({ mqttURL: 'mqtt://third', mqttPassword: '' }, OWNER);
  expect(store.current).toMatchObject({ mqttURL: 'mqtt://third', mqttPassword: '' });
});

test('the password of the broker is a secret: files for support do not have it', async () => {
  const { store } = await fileOf('perch: own\nmqttURL: mqtt://127.0.0.9:1\nmqttPassword: Zq-mqtt-secret-15\n');
  expect(secretsIn(store.current, [store.textInForce], {})).toContain('Zq-mqtt-secret-15');
});

test('the broker and Home Assistant know a restored box by its former id', async () => {
  const box = await open();
  const mqtt = { id: '0123456789ab', announced: ['homeassistant/device/a/config'], published: { perch: ['door'] } };
  const file = join(box.dataDir, 'mqtt.json');
  writeFileSync(file, JSON.stringify(mqtt));
  const backup = await box.backup();
  writeFileSync(file, JSON.stringify({ ...mqtt, id: 'ba9876543210' }));
  await done(box, 'POST', 'restore', backup);
  await box.restarted();
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(mqtt);
});

test('a backup with an MQTT id that is no level of a topic is rejected', async () => {
  const box = await open();
  const damaged = { name: 'mqtt.json', text: '{"id":"a/#","announced":[]}' };
  const wrong = changed(await box.backup(), (one) => void one.members.push(damaged));
  const { status, body } = await box.ask('POST', 'restore/check', wrong);
  expect([status, body]).toEqual([
    400,
    expect.objectContaining({ error: expect.stringContaining('mqtt.json of the backup is damaged') }),
  ]);
});
