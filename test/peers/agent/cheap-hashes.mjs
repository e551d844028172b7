import crypto from 'node:crypto';

/** For Perch's own process what `makeHashesCheap` is for that of the test. Read before the program, which asks for the function at each hash. */
const { scrypt } = crypto;
crypto.scrypt = (password, salt, bytes, options, done) =>
  scrypt(password, salt, bytes, options.N === 16_384 && options.p === 5 ? { ...options, N: 16, p: 1 } : options, done);
