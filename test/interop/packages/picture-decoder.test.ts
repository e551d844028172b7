import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { buildDecoder, DECODER } from '../../../packaging/picture-decoder/build.ts';
import { describeWith } from '../../peers/programs/peers.ts';

describeWith(['clang-14', 'lld-14', 'wasi-libc', 'binaryen'], 'the picture decoder', () => {
  test('is what its sources are compiled to', { timeout: 300_000 }, async () => {
    const built = await buildDecoder();
    expect(built.equals(await readFile(DECODER))).toBe(true);
    // It needs nothing of its host but memory.
    expect(WebAssembly.Module.imports(new WebAssembly.Module(Uint8Array.from(built)))).toEqual([
      { module: 'env', name: 'memory', kind: 'memory' },
    ]);
  });
});
