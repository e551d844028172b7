import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { leftOut, MEASURES, ONE_SCRIPT } from './bundle.ts';

const ROOT = join(import.meta.dirname, '..');

/** @param contents of a script @returns what it says when it is bundled and run where no packages are */
async function saidBy(contents: string, plugins = [leftOut]): Promise<{ said: string; bytes: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-left-out-'));
  try {
    const outfile = join(folder, 'script.cjs');
    const stdin = { contents, resolveDir: ROOT, sourcefile: 'entry.js' };
    await build({ ...ONE_SCRIPT, stdin, outfile, write: true, plugins });
    const { stdout } = await promisify(execFile)(process.execPath, [outfile], { cwd: folder });
    return { said: stdout, bytes: readFileSync(outfile).length };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the machine is measured with functions that the bundle keeps', () => {
  const sources = ['system/host.ts', 'system/sensors.ts']
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .join('');
  const named = sources.matchAll(/(?:import\('systeminformation'\)\)\.default|systemInformation\(\)\))\.(\w+)\(/g);
  expect(new Set(Array.from(named, ([, name]) => name))).toEqual(new Set(Object.keys(MEASURES)));
});

test('without the other systems a machine is measured as with them, in a third of the text', async () => {
  const entry = `import measure from 'systeminformation';
    const names = ${JSON.stringify(Object.keys(MEASURES))};
    const shape = (value) => Array.isArray(value) ? value.map(shape) : value && typeof value === 'object' ? Object.keys(value) : typeof value;
    const measured = async (name) => [name, await measure[name]()];
    Promise.all(names.map(measured)).then((all) => {
      const { system, diskLayout } = Object.fromEntries(all);
      const disks = diskLayout.map(({ temperature, ...disk }) => disk);
      console.log(JSON.stringify([all.map(([name, value]) => [name, shape(value)]), system, disks]));
    });`;
  const [whole, lean] = await Promise.all([saidBy(entry, []), saidBy(entry)]);
  expect(lean.said).toBe(whole.said);
  expect(lean.bytes).toBeLessThan(whole.bytes / 3);
});

test('WebRTC loads without the library that prints its steps', async () => {
  const entry = `import('werift').then(({ RTCPeerConnection }) => console.log(typeof RTCPeerConnection));`;
  expect((await saidBy(entry)).said).toBe('function\n');
});

test('the log and the ONVIF client work without the threads of the one and the pretty printer of the other', async () => {
  const entry = `const { pino } = require('pino');
    pino({ base: null, timestamp: false }, { write: (line) => process.stdout.write(line) }).info('here');
    const Device = require('node-onvif/lib/modules/device.js');
    const soap = require('node-onvif/lib/modules/soap.js');
    console.log(typeof Device, typeof soap.requestCommand);`;
  expect((await saidBy(entry)).said).toBe('{"level":30,"msg":"here"}\nfunction function\n');
});

test('the XML reader is bundled without the writer', async () => {
  const entry = `require('xml2js').parseString('<a b="1">c</a>', (error, result) => console.log(JSON.stringify(result)));`;
  expect((await saidBy(entry)).said).toBe('{"a":{"_":"c","$":{"b":"1"}}}\n');
});

test('a passkey without attestation is registered; an attestation that was not asked for is rejected', async () => {
  const entry = `
    import { verifiedRegistration } from './agent/auth/passkeys/webauthn.ts';
    import { SoftwareAuthenticator } from './test/support/clients/software-authenticator.ts';
    const [origin, host, challenge] = ['https://perch.example', 'perch.example', 'Y2hhbGxlbmdl'];
    const created = new SoftwareAuthenticator(origin).create({ challenge, rp: { id: host } });
    const registered = (response) => verifiedRegistration(response, challenge, { origin, host });
    registered(created).then(async ({ id }) => {
      console.log(id === created.id);
      const bytes = Buffer.from(created.response.attestationObject, 'base64url').toString('hex');
      const attestationObject = Buffer.from(bytes.replace('646e6f6e65', '6374706d'), 'hex').toString('base64url');
      await registered({ ...created, response: { ...created.response, attestationObject } }).catch(({ message }) => console.log(message));
    });`;
  expect((await saidBy(entry)).said).toBe('true\nattestation by TPM was not asked for\n');
});

test('mail with a picture is composed without the list of file types', async () => {
  const entry = `
    import MailComposer from 'nodemailer/lib/mail-composer';
    const attachments = [{ cid: 'a@b', filename: 'picture.jpg', contentType: 'image/jpeg', content: Buffer.from('abc') }];
    new MailComposer({ from: 'a@b.example', to: ['c@d.example'], text: 'Motion', html: '<img src="cid:a@b">', attachments })
      .compile().build().then((mail) => console.log(/image\\/jpeg; name=picture.jpg/.test(mail), mail.includes('YWJj')));`;
  expect((await saidBy(entry)).said).toBe('true true\n');
});
