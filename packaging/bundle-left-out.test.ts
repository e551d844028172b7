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
  const entry = `const measure = require('systeminformation');
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

test('the XML reader is bundled without the writer', async () => {
  const entry = `require('xml2js').parseString('<a b="1">c</a>', (error, result) => console.log(JSON.stringify(result)));`;
  expect((await saidBy(entry)).said).toBe('{"a":{"_":"c","$":{"b":"1"}}}\n');
});
