/** How long this node delays a schedule, so that not all nodes begin at once: always the same, from 0 to the maximum. */
export function jitterOf(schedule: string, node: string, maximumMs: number): number {
	return Math.floor((hash(`${schedule}\n${node}`) / 2 ** 32) * (maximumMs + 1));
}

/** FNV-1a over UTF-16 units, and murmur's last steps, without which names that differ in their last letter lie close. */
function hash(text: string): number {
	let h = 0x811c9dc5;
	for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
	h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
	h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
	return (h ^ (h >>> 16)) >>> 0;
}
