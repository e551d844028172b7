// For `node --require`: hashes of passwords, a fifth of a second of a core each, cost as little as scrypt allows, as in unit tests
// (test/support/base/cheap-hashes.ts). Data folders of such an agent are for such agents.
const crypto = require('node:crypto');

const { scrypt } = crypto;
crypto.scrypt = (password, salt, bytes, options, done) =>
  scrypt(password, salt, bytes, options.N === 16_384 && options.p === 5 ? { ...options, N: 16, p: 1 } : options, done);
require('node:module').syncBuiltinESMExports();
