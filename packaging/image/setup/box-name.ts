import { readFile, stat } from 'node:fs/promises';
import { writeAtomic } from '../../../agent/config/file/file.ts';
import { editText } from '../../../agent/config/yaml/edit.ts';

/** @param file Perch's configuration, of which all the rest stays as it is */
export async function setBoxName(file: string, name: string): Promise<void> {
  // Perch may have been taken over before: the network waits for this.
  if (!(await stat(file)).isFile()) {
    throw new Error(`${file} is no file`);
  }
  await writeAtomic(file, editText(await readFile(file, 'utf8'), ['boxName'], name));
}
