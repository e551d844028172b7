import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** For the build, instead of those of tsconfig.json, which checks types. */
export const JSX_CALLS = {
  compilerOptions: {
    jsx: 'react',
    jsxFactory: 'jsxElement',
    jsxFragmentFactory: 'jsxFragment',
    verbatimModuleSyntax: true,
  },
} as const;

const IMPORT = "import { Fragment as jsxFragment, h as jsxElement } from 'preact';\n";

/** The text of a source, with the import of the JSX functions. No component has variables of these names. */
export async function readSource(path: string): Promise<string> {
  const text = await readFile(path, 'utf8');
  return path.endsWith('.tsx') ? IMPORT + text : text;
}

/** JSX becomes calls whose children are arguments: they are shorter than those of the automatic runtime. */
export const jsxCalls: Plugin = {
  name: 'JSX calls',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.tsx$/ }, async ({ path }) => ({ contents: await readSource(path), loader: 'tsx' }));
  },
};
