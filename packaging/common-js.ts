import { transform } from 'esbuild';

/** Other parts by `require`: `import()` would load Node's second loader with them. */
const COMMON_JS = {
  format: 'cjs',
  supported: { 'dynamic-import': false },
  legalComments: 'none',
} as const;

/** As esbuild writes the exports of a module: each as a function, for helpers that define and copy accessors. */
const EXPORTS = /^var (\w+) = \{\};\n__export\(\1, \{\n([^}]*)\n\}\);\nmodule\.exports = __toCommonJS\(\1\);$/m;
const PART = /__toESM\((require\("\.\/[^"]+"\))\)/g;

interface CommonJsOptions {
  readonly target: string;
  readonly sourcefile: string;
  readonly maps: boolean;
}

/**
 * A part of the bundle as a CommonJS script. Its exports are plain accessors, live as those of a module: esbuild's own
 * helpers are 400 bytes in each of 200 parts. Lines keep their numbers, for the source map.
 */
export async function toCommonJs(
  text: string,
  { target, sourcefile, maps }: CommonJsOptions,
): Promise<{ code: string; map: string }> {
  const sourcemap = maps && 'inline';
  // For Node, esbuild lists the names again for importing modules.
  const { code } = await transform(text, { ...COMMON_JS, platform: 'neutral', target, sourcefile, sourcemap });
  const plain = code
    .replace(EXPORTS, (_, _name, exports: string) => {
      const accessors = exports.replaceAll(/^ {2}([\w$]+): \(\) => (.+?)(,?)$/gm, '  get $1() { return $2; }$3');
      return `module.exports =\n{\n${accessors}\n};\n`;
    })
    .replaceAll(PART, '$1');
  if (/= __toCommonJS\(/.test(plain)) {
    throw new Error(`${sourcefile}: esbuild writes exports in another form`);
  }
  return transform(plain, {
    ...COMMON_JS,
    platform: 'node',
    target,
    minify: true,
    treeShaking: true,
    sourcefile,
    sourcemap: maps && 'external',
  });
}
