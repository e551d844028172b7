import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { toCommonJs } from './common-js.ts';

const OPTIONS = { target: 'node22.13', sourcefile: 'part.cjs', maps: false };

async function load(text: string, parts: Readonly<Record<string, object>> = {}): Promise<Record<string, unknown>> {
  const { code } = await toCommonJs(text, OPTIONS);
  const module = { exports: {} as Record<string, unknown> };
  const require = (name: string): object => parts[name] ?? process.getBuiltinModule(name) ?? {};
  runInNewContext(code, { module, require });
  return module.exports;
}

test('exports have their names, whatever characters esbuild chose, and stay live', async () => {
  const part = await load('let n=1;function add(){n+=1}export{n as $,add as a$,n as default,add as _};');
  expect(Object.keys(part).sort()).toEqual(['$', '_', 'a$', 'default']);
  expect([part['$'], part['default']]).toEqual([1, 1]);
  (part['a$'] as () => void)();
  expect([part['$'], part['default']]).toEqual([2, 2]);
});

test('other parts are used as they are, modules of Node by name and as a whole', async () => {
  const other = { a: 5, default: 6 };
  const part = await load(
    `import{a}from"./a.cjs";import path from"node:path";import*as os from"node:os";export{a as x,late as y,z};
    const late=()=>import("./a.cjs");const z=[path.sep,typeof os.cpus];`,
    { './a.cjs': other },
  );
  expect(part['x']).toBe(5);
  expect(await (part['y'] as () => Promise<object>)()).toBe(other);
  expect(part['z']).toEqual(['/', 'function']);
});

test('no helper of esbuild is left in a part that has only names', async () => {
  const { code } = await toCommonJs('import{b}from"./b.cjs";function f(){return b}export{f as g};', OPTIONS);
  expect(code).not.toMatch(/defineProperty|__esModule|0&&/);
  expect(code.length).toBeLessThan(110);
});
