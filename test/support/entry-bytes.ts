/** A whole number of an entry: one, two, four or five bytes. */
export function int(value: number): Buffer {
	if (value < 128) return Buffer.of(value);
	if (value < 16_384) return uint16(value | 0x8000);
	if (value < 0x3f000000) return uint32((value | 0xc0000000) >>> 0);
	return Buffer.concat([Buffer.of(255), uint32(value)]);
}

export function uint16(value: number): Buffer {
	const bytes = Buffer.alloc(2);
	bytes.writeUInt16BE(value);
	return bytes;
}

export function uint32(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(value);
	return bytes;
}

export function float64(value: number): Buffer {
	const bytes = Buffer.alloc(8);
	bytes.writeDoubleBE(value);
	return bytes;
}
