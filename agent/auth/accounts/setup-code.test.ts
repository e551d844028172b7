import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { isSetupCode, makeSetupCode, readSetup, SetupCode } from './setup-code.ts';

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'perch-setup-code-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function openSetup(folder: string, hasOwner: boolean): Promise<SetupCode> {
  const setup = await SetupCode.open(folder, silentLogger);
  await setup.follow(hasOwner);
  return setup;
}

test('case, blanks and dashes of a setup code do not matter', () => {
  const code = makeSetupCode();
  expect(code).toMatch(/^[2-9A-HJKMNP-Z]{4}-[2-9A-HJKMNP-Z]{4}$/);
  expect(isSetupCode(code, code)).toBe(true);
  expect(isSetupCode(` ${code.toLowerCase().replace('-', ' ')} `, code)).toBe(true);
  expect(isSetupCode(code.slice(1), code)).toBe(false);
  expect(isSetupCode('', code)).toBe(false);
  expect(isSetupCode(makeSetupCode(), code)).toBe(false);
});

test("the page's address is stored with the code, and both are removed by the claim", async () => {
  const folder = emptyFolder();
  const setup = await openSetup(folder, false);
  const { code } = setup.facts ?? {};
  await setup.setUrl('http://192.168.1.5:8080');
  expect(await readSetup(folder)).toEqual({ code, url: 'http://192.168.1.5:8080' });
  await setup.follow(true);
  await setup.setUrl('http://192.168.1.6:8080');
  expect([setup.facts, await readSetup(folder)]).toEqual([undefined, undefined]);
  await setup.follow(false);
  expect(await readSetup(folder)).toEqual({ code: setup.facts?.code, url: 'http://192.168.1.6:8080' });
  expect(setup.facts?.code).not.toBe(code);
});

test.for(['', '{', 'null', '{"code":"2222-222"}', '{"code":"0000-0000"}', '{"code":["2222-2222"]}'])(
  'a file with %j is replaced by a new code',
  async (text) => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'setup.json'), text);
    const { facts } = await openSetup(folder, false);
    expect(facts?.code).toMatch(/^[2-9A-Z]{4}-[2-9A-Z]{4}$/);
    expect(await readSetup(folder)).toEqual(facts);
  },
);

test('the code of a box with an owner is removed', async () => {
  const folder = emptyFolder();
  await openSetup(folder, false);
  expect((await openSetup(folder, true)).facts).toBeUndefined();
  expect(await readSetup(folder)).toBeUndefined();
});
