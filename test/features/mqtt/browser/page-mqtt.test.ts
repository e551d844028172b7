import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { BROKER_LOGIN, type Mosquitto, startMosquitto } from '../../../peers/programs/mosquitto.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

describeWith(['chromium', 'mosquitto'], 'the page about MQTT', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let broker: Mosquitto;

  beforeAll(async () => {
    const config = 'paths:\n  stage:\n';
    [viewer, box, broker] = await Promise.all([startViewer(), startPageHarness({ config }), startMosquitto()]);
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())('on a %s the owner tests a broker, and connects to it', async (size) => {
    await box.api('PATCH', 'config/global/patch', { mqtt: false, mqttURL: '', mqttUser: '', mqttPassword: '' });
    await using owner = await visit(viewer.browser, box, { size });
    const { page, complaints } = owner;
    await owner.logIn('#/settings/system');
    await page.getByRole('link', { name: /^MQTT/ }).click();
    await settled(page, '.mqtt .switch');
    expect(await axeFindings(page)).toEqual([]);

    await page.getByRole('switch', { name: 'Use MQTT' }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Enter the address of the broker.').waitFor();

    await page.getByRole('textbox', { name: 'Broker address' }).fill(broker.url.replace('mqtt://', ''));
    await page.getByRole('textbox', { name: 'User name' }).fill(BROKER_LOGIN.mqttUser);
    await page.getByLabel('Password', { exact: true }).fill('guess');
    const tried = page.getByRole('button', { name: 'Test connection' });
    await tried.click();
    await page.getByText('The broker rejects the user name or the password.').waitFor();
    await page.getByLabel('Password', { exact: true }).fill(BROKER_LOGIN.mqttPassword);
    await tried.click();
    await page.getByText('The broker accepts the connection.').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Connected.').waitFor();
    // The message fades in and out, which takes contrast from its text.
    await page.getByRole('button', { name: 'Undo' }).waitFor({ state: 'hidden' });
    expect(await axeFindings(page)).toEqual([]);
    expect(await box.api('GET', 'config/global/get')).toMatchObject({
      mqtt: true,
      mqttURL: broker.url,
      mqttPassword: '<redacted>',
      mqttCommands: false,
    });
    // The password is not on the page.
    await expect.poll(() => page.getByLabel('Password', { exact: true }).inputValue()).toBe('');

    await broker.stop();
    await page.getByText(/^Not connected/).waitFor();
    await broker.start();
    await until(async () => ((await page.getByText('Connected.').count()) > 0 ? true : undefined));
    expect(complaints).toEqual([]);
  });
});
