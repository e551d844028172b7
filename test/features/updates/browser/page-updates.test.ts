import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { FEATURES } from '../../../../agent/app/features/table.ts';
import { updatesFeature } from '../../../../agent/features/updates/feature.ts';
import { makeUpdate, updateKeys } from '../../../../packaging/update.ts';
import { SYSTEM_PACKAGE } from '../../../../system/update/manifest.ts';
import { writeHeader } from '../../../../system/update/update-file.ts';
import { en as english } from '../../../../webui/features/updates/words/en.ts';
import { zhCn as chinese } from '../../../../webui/features/updates/words/zh-cn.ts';
import { until } from '../../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith, inShort } from '../../../peers/programs/peers.ts';

const HERE = '1.1.0';
const LANGUAGES = { 'en-GB': english, 'zh-CN': chinese } as const;
type Language = keyof typeof LANGUAGES;
/** In Chinese the short length has the sentences that say why nothing was installed. */
const SPOKEN = inShort(['en-GB', 'zh-CN'] as const, 'en-GB');
const PLACE = '#/settings/system/updates';
const CHOICE = 'input[type=file]';
/** A sentence without its time. */
const withoutTime = (sentence: string): string => sentence.split(/ ?[(（]/)[0] ?? '';
const CLOSED_BY_RESTART = /ERR_|Failed to fetch|WebSocket/;

/** A machine with the Debian package and its root service, which follows the test's script. */
function packagedMachine() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-machine-'));
  const own = generateKeyPairSync('ed25519').privateKey;
  const [host, keys] = [join(folder, 'host'), join(folder, 'keys')];
  mkdirSync(host);
  mkdirSync(keys);
  const [answer, published] = [join(host, 'update.json'), join(folder, 'published')];
  const last: { id: string; from: string } = { id: '', from: HERE };
  return {
    ...{ folder, host, keys, published },
    /** Sets the data folder that the service watches, and gives the box its keys. */
    ready: async (dataDir: string) => {
      writeFileSync(join(host, 'update.ready'), `${dataDir}\n`);
      for (const [name, pem] of await updateKeys(own, join(folder, 'none'))) {
        writeFileSync(join(keys, name), pem);
      }
    },
    make: async (version: string, key: KeyObject = own): Promise<string> => {
      const to = mkdtempSync(join(folder, 'made-'));
      const perch = join(to, `perch_${version}_all.deb`);
      writeFileSync(perch, Buffer.alloc(300_000, version));
      return makeUpdate([perch], key, { version, time: 1_790_000_000, folder: to });
    },
    /** A whole system of the image. */
    makeSystem: (version: string): string => {
      const bytes = Buffer.alloc(300_000, version);
      const sha512 = createHash('sha512').update(bytes).digest('hex');
      const one = { name: SYSTEM_PACKAGE, version, architecture: 'arm64', sizeBytes: bytes.length, sha512 } as const;
      const header = writeHeader({ version, made: '2026-11-21T08:00:00Z', packages: [one] }, own);
      const file = join(folder, `perch-system-${version}.perchupdate`);
      writeFileSync(file, Buffer.concat([header, bytes]));
      return file;
    },
    /** Takes the prepared update. @returns its bytes */
    take: async (dataDir: string): Promise<Buffer> => {
      const requests = join(dataDir, 'requests');
      const request = await until(() => {
        try {
          return JSON.parse(readFileSync(join(requests, 'update.json'), 'utf8')) as { id: string };
        } catch {
          return undefined;
        }
      });
      const update = readFileSync(join(requests, 'update.perchupdate'));
      rmSync(requests, { recursive: true });
      last.id = request.id;
      return update;
    },
    say: (state: string, more: object = {}) => {
      const said = { ...last, ok: true, text: state, state, time: new Date().toISOString(), ...more };
      writeFileSync(answer, JSON.stringify(said));
    },
    /** Publishes it at the box's update address. */
    publish: (update: string) => {
      mkdirSync(published, { recursive: true });
      for (const name of [basename(update), 'perch-update.json']) {
        copyFileSync(join(dirname(update), name), join(published, name));
      }
    },
    /** No update so far, and none available. */
    forget: () => {
      rmSync(answer, { force: true });
      rmSync(published, { recursive: true, force: true });
    },
  };
}

/** Any web server, on loopback. */
async function serveFolder(folder: string) {
  const server = createServer(({ url = '' }, response) => {
    const file = join(folder, basename(url));
    if (existsSync(file)) {
      response.end(readFileSync(file));
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/perch`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

describeWith(['chromium'], 'updates on the page', () => {
  const machine = packagedMachine();
  let version = `v${HERE}`;
  let viewer: Viewer;
  let box: PageHarness;
  let dataDir: string;
  let web: Awaited<ReturnType<typeof serveFolder>>;
  beforeAll(async () => {
    web = await serveFolder(machine.published);
    const config = `updateAddress: ${web.url}\n`;
    const others = FEATURES.filter(({ name }) => name !== 'updates');
    const options = {
      config,
      hostAnswers: machine.host,
      features: [...others, updatesFeature(machine.keys)],
      version: () => version,
    };
    [viewer, box] = await Promise.all([startViewer(), startPageHarness(options)]);
    dataDir = join(box.folder, 'data');
    await machine.ready(dataDir);
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    await web.close();
    rmSync(machine.folder, { recursive: true });
  });
  beforeEach(async () => {
    // The box may not have read the page's choice yet.
    const isFree = async () => !(await box.api<{ isReceiving: boolean }>('GET', 'update')).isReceiving || undefined;
    await until(isFree);
    machine.forget();
    if (version !== `v${HERE}`) {
      version = `v${HERE}`;
      await box.away(async () => {});
    }
  });
  const open = async (size: Size, locale: Language) => {
    const owner = await visit(viewer.browser, box, { size, locale });
    await owner.logIn(PLACE);
    await owner.page.getByText(LANGUAGES[locale].updateVersion(version)).waitFor();
    return owner;
  };
  const tampered = async (): Promise<string> => {
    const file = await machine.make('1.2.0');
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] = 0;
    writeFileSync(file, bytes);
    return file;
  };
  const picture = async (): Promise<string> => {
    const file = join(machine.folder, 'picture.perchupdate');
    writeFileSync(file, Buffer.alloc(100_000, 0xff));
    return file;
  };

  test.for(sizesInTurn().flatMap((size) => SPOKEN.map((locale) => [size, locale] as const)))(
    'an invalid file is rejected with a message and nothing is stored, on a %s in %s',
    async ([size, locale]) => {
      const say = LANGUAGES[locale];
      await using owner = await open(size, locale);
      const { page, complaints } = owner;
      const wrong = [
        [await tampered(), say.updateDamaged],
        [await machine.make('1.0.9'), say.updateOlder],
        [await machine.make(HERE), say.updateSame],
        [await machine.make('1.2.0', generateKeyPairSync('ed25519').privateKey), say.updateNotSigned],
        [await picture(), say.updateNone],
      ] as const;
      for (const [file, words] of wrong) {
        await page.locator(CHOICE).setInputFiles(file);
        await page.getByRole('alert').filter({ hasText: words }).waitFor();
        expect(await page.getByRole('alert').textContent()).toContain(say.updateRefused);
        expect(await page.getByRole('button', { name: say.updateNow }).count()).toBe(0);
        expect(existsSync(join(dataDir, 'requests'))).toBe(false);
      }
      await settled(page, '.restore');
      expect(await axeFindings(page)).toEqual([]);
      const refused = () => complaints.filter((line) => line === `400 ${owner.url}/v3/update/check`).length;
      await expect.poll(refused).toBe(wrong.length);
      expect(complaints.filter((line) => !/^400 |status of 400/.test(line))).toEqual([]);
    },
  );

  test.for(sizesInTurn().flatMap((size) => SPOKEN.map((locale) => [size, locale] as const)))(
    'a chosen update is uploaded, and its progress is shown until the box is back, on a %s in %s',
    async ([size, locale]) => {
      const say = LANGUAGES[locale];
      await using owner = await open(size, locale);
      const { page, complaints } = owner;
      const file = await machine.make('1.2.0');
      await page.locator(CHOICE).setInputFiles(file);
      await page.getByText(say.updatePlan('1.2.0')).waitFor();
      await settled(page, '.restore');
      expect(await axeFindings(page)).toEqual([]);

      const taken = machine.take(dataDir);
      await page.getByRole('button', { name: say.updateNow }).click();
      expect((await taken).equals(readFileSync(file))).toBe(true);
      machine.say('installing', { to: '1.2.0' });
      await page.getByText(say.updateInstalling('1.2.0')).waitFor();
      await page.getByText(say.updateStay).waitFor();
      expect(await page.locator(CHOICE).count()).toBe(0);
      expect(await axeFindings(page)).toEqual([]);

      expect(complaints).toEqual([]);
      await box.away(async () => {
        await page.getByText(say.updateAway).waitFor();
        machine.say('waiting', { to: '1.2.0' });
        version = 'v1.2.0';
      });
      await page.getByText(say.updateWaiting('1.2.0')).waitFor();
      machine.say('good', { to: '1.2.0' });
      await page.getByText(withoutTime(say.updateGood('1.2.0', ''))).waitFor();
      await page.getByText(say.updateVersion('v1.2.0')).waitFor();
      await page.getByRole('button', { name: say.updateChoose }).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      expect(complaints.filter((line) => !CLOSED_BY_RESTART.test(line))).toEqual([]);
    },
  );

  test.for(sizesInTurn().flatMap((size) => SPOKEN.map((locale) => [size, locale] as const)))(
    'an update is looked for where the configuration says, fetched and laid down, on a %s in %s',
    async ([size, locale]) => {
      const say = LANGUAGES[locale];
      await using owner = await open(size, locale);
      const { page, complaints } = owner;
      const look = page.getByRole('button', { name: say.updateLook });
      await look.click();
      await page.getByRole('alert').filter({ hasText: say.updateNotFetched }).waitFor();
      await page.getByText('HTTP 404').waitFor();

      machine.publish(await machine.make(HERE));
      await look.click();
      await page.getByText(say.updateNewest).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      const update = await machine.make('1.2.0');
      machine.publish(update);
      await look.click();
      await page.getByText(say.updatePlan('1.2.0')).waitFor();
      expect(existsSync(join(dataDir, 'requests'))).toBe(false);
      expect(await axeFindings(page)).toEqual([]);
      const taken = machine.take(dataDir);
      await page.getByRole('button', { name: say.updateNow }).click();
      expect((await taken).equals(readFileSync(update))).toBe(true);
      machine.say('installing', { to: '1.2.0' });
      await page.getByText(say.updateInstalling('1.2.0')).waitFor();
      expect(complaints.filter((line) => !/^503 .*\/v3\/update\/look$|status of 503/.test(line))).toEqual([]);
    },
  );

  test('no file is chosen while another update is looked for', async () => {
    const say = LANGUAGES['en-GB'];
    await using owner = await open('phone', 'en-GB');
    const { page } = owner;
    const { promise: isAnswered, resolve: answer } = Promise.withResolvers<void>();
    await page.route('**/v3/update/look', async (route) => {
      await isAnswered;
      await route.fulfill({ json: { version: HERE, current: HERE, isNewer: false } });
    });
    const choose = page.getByRole('button', { name: say.updateChoose });
    await page.getByRole('button', { name: say.updateLook }).click();
    await expect.poll(() => choose.isDisabled()).toBe(true);
    answer();
    await page.getByText(say.updateNewest).waitFor();
    expect(await choose.isDisabled()).toBe(false);
    expect(owner.complaints).toEqual([]);
  });

  test.for(SPOKEN)('a whole system: rejected without a second one, and its progress, in %s', async (locale) => {
    const say = LANGUAGES[locale];
    await using owner = await open('phone', locale);
    const { page, complaints } = owner;
    await page.locator(CHOICE).setInputFiles(machine.makeSystem('1.2.0'));
    await page.getByRole('alert').filter({ hasText: say.updateNoSecondSystem }).waitFor();
    machine.say('installing', { to: '1.2.0', percent: 41 });
    await page.getByText(say.updateWriting('1.2.0', 41)).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    machine.say('gone back', { ok: false, to: '1.2.0', why: 'notStarted' });
    await page.getByRole('status').filter({ hasText: say.updateNotStarted }).waitFor();
    expect(complaints.filter((line) => !/^501 .*\/v3\/update\/check$|status of 501/.test(line))).toEqual([]);
  });

  test('while another person uploads an update the page says so, and accepts none', async () => {
    const file = await machine.make('1.2.0');
    const headers = { 'Content-Type': 'application/octet-stream' };
    const login = { auth: `owner:${OWNER_PASSWORD}`, host: '127.0.0.1', port: box.port };
    const sending = request({ ...login, path: '/v3/update/check', method: 'POST', headers }).on('error', () => {});
    sending.write(readFileSync(file).subarray(0, 100_000));
    await until(async () => (await box.api<{ isReceiving: boolean }>('GET', 'update')).isReceiving || undefined);
    const say = LANGUAGES['en-GB'];
    await using owner = await open('phone', 'en-GB');
    const { page } = owner;
    await page.getByRole('status').filter({ hasText: say.updateTaking }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.locator(CHOICE).setInputFiles(file);
    await page.getByRole('alert').filter({ hasText: say.updateTaking }).waitFor();
    sending.destroy();
    await until(async () => !(await box.api<{ isReceiving: boolean }>('GET', 'update')).isReceiving || undefined);
    await page.locator(CHOICE).setInputFiles(file);
    await page.getByText(say.updatePlan('1.2.0')).waitFor();
    expect(owner.complaints.filter((line) => !/^409 .*\/v3\/update\/check$|status of 409/.test(line))).toEqual([]);
  });

  test.for(['failed', 'busy', 'noExec'] as const)('%s is shown in Chinese, too', async (why) => {
    const say = LANGUAGES['zh-CN'];
    machine.say('refused', { ok: false, to: null, why });
    await using owner = await open('phone', 'zh-CN');
    const reason = { failed: say.updateFailed, busy: say.updateBusy, noExec: say.updateNoExec }[why];
    await owner.page.getByRole('status').filter({ hasText: reason }).waitFor();
    expect(await axeFindings(owner.page)).toEqual([]);
  });

  test.for(sizesInTurn().flatMap((size) => SPOKEN.map((locale) => [size, locale] as const)))(
    'the outcome of the last update is shown at the next visit, with the reason, on a %s in %s',
    async ([size, locale]) => {
      const say = LANGUAGES[locale];
      machine.say('gone back', { ok: false, to: '1.2.0', why: 'unhealthy' });
      await using owner = await open(size, locale);
      const { page, complaints } = owner;
      await page.getByRole('status').filter({ hasText: say.updateUnhealthy }).waitFor();
      await page.getByText(withoutTime(say.updateGoneBack(HERE, ''))).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      machine.say('refused', { ok: false, to: null, why: 'powerCut' });
      await page.getByText(say.updatePowerCut).waitFor();
      await page.getByText(withoutTime(say.updateNot(''))).waitFor();
      expect(complaints).toEqual([]);
    },
  );
});
