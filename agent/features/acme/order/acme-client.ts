/** What is used of `acme-client`. By name, because `import()` of a CommonJS package in the bundle has only its `default`. */
export { type Authorization, Client, crypto as acmeCrypto, type Order } from 'acme-client';
