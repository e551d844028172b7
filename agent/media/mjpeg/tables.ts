/** Quantization tables that RFC 2435 §4.2 scales for Q 1 to 99: ISO/IEC 10918-1 tables K.1 and K.2, in zigzag order. */
const LUMA = fromHex(
  '100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933383740485c4e404457453738506d51575f626768673e4d71797064785c656763',
);
const CHROMA = fromHex(`1112121815182f1a1a2f63423842${'63'.repeat(50)}`);
export const QUANTIZATION_BYTES = 64;

/** Luma, then chroma, for a quality of 1 to 99 (RFC 2435 §4.2). */
export function quantizationTables(q: number): Uint8Array {
  const scale = q < 50 ? Math.floor(5000 / q) : 200 - 2 * q;
  const scaled = (value: number): number => Math.min(Math.max(Math.floor((value * scale + 50) / 100), 1), 255);
  return Uint8Array.from([...LUMA, ...CHROMA], scaled);
}

/** A Huffman table of a DHT segment: class and number, number of codes of each length, values. */
interface HuffmanTable {
  /** High half: 0 for DC, 1 for AC; low half: the table's number. */
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** ISO/IEC 10918-1 tables K.3 to K.6: the only ones that RFC 2435 §3.1.2 allows. */
export const HUFFMAN_TABLES: readonly HuffmanTable[] = [
  { id: 0x00, bytes: fromHex('00010501010101010100000000000000000102030405060708090a0b') },
  { id: 0x01, bytes: fromHex('00030101010101010101010000000000000102030405060708090a0b') },
  {
    id: 0x10,
    bytes: fromHex(
      '0002010303020403050504040000017d' +
        '01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a2526' +
        '2728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485' +
        '868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6' +
        'd7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa',
    ),
  },
  {
    id: 0x11,
    bytes: fromHex(
      '00020102040403040705040400010277' +
        '00010203110405213106124151076171132232810814429' +
        '1a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a53545556' +
        '5758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9' +
        'aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa',
    ),
  },
];

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}
