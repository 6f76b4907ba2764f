/** Bytes in the units of disks, with three digits. */
export function size(bytes: number): string {
	const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
	const amount = bytes / 1000 ** power;
	return `${power === 0 ? amount : amount.toFixed(amount < 10 ? 2 : amount < 100 ? 1 : 0)} ${UNITS[power]}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A number with a comma before every three digits. */
export function grouped(count: number): string {
	return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

export function sizeOrDash(bytes: number | undefined): string {
	return bytes === undefined ? '-' : size(bytes);
}

export function countOrDash(count: number | undefined): string {
	return count === undefined ? '-' : grouped(count);
}
