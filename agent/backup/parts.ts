import { PerchError } from '../base/errors.ts';

const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b];

/**
 * Before `JSON.parse`, which makes an object of each part: 60 kB that were packed can hold twenty million of them.
 * @param most commas, brackets and braces that open, outside of strings
 * @throws PerchError badInput
 */
export function checkParts(json: string, most: number): void {
  let isString = false;
  for (let at = 0, parts = 0; at < json.length; at += 1) {
    const char = json.charCodeAt(at);
    if (char === QUOTE) {
      isString = !isString;
    } else if (isString) {
      at += char === BACKSLASH ? 1 : 0;
    } else if (char === COMMA || char === BRACKET || char === BRACE) {
      parts += 1;
      if (parts > most) {
        throw new PerchError('badInput', `it has more than ${most} parts`);
      }
    }
  }
}

const LINE_END = 0x0a;

/**
 * The same of a configuration in YAML, in which quotes need no end: what stands in strings counts, too, and each line.
 * @throws PerchError badInput
 */
export function checkYamlParts(yaml: string, most: number): void {
  for (let at = 0, parts = 0; at < yaml.length; at += 1) {
    const char = yaml.charCodeAt(at);
    if (char === LINE_END || char === COMMA || char === BRACKET || char === BRACE) {
      parts += 1;
      if (parts > most) {
        throw new PerchError('badInput', `it has more than ${most} parts`);
      }
    }
  }
}
