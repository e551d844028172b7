import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { editText } from '../../../agent/config/edit.ts';

/** @param file Perch's configuration, of which all the rest stays as it is */
export async function setBoxName(file: string, name: string): Promise<void> {
  const status = await stat(file);
  // Perch may have been taken over before: the network waits for this.
  if (!status.isFile()) {
    throw new Error(`${file} is no file`);
  }
  const text = editText(await readFile(file, 'utf8'), ['boxName'], name);
  const mode = status.mode & 0o777;
  await rm(`${file}.new`, { force: true });
  const handle = await open(`${file}.new`, 'wx', mode);
  try {
    await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
}
