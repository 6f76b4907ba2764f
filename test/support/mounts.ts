import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why nothing can be mounted here; undefined where it can. */
export function whyNoMounts(): string | undefined {
	if (process.getuid?.() !== 0) return 'mounting needs root';
	const place = mkdtempSync(join(tmpdir(), 'custodian-mount-'));
	try {
		mountDisk(place, '1m');
		unmount(place);
		return undefined;
	} catch (error) {
		return `mounting is not permitted: ${String(error)}`;
	} finally {
		rmSync(place, { recursive: true, force: true });
	}
}

/** Mounts an empty disk of this size over a directory, which it makes where it is missing. */
export function mountDisk(place: string, size: string): void {
	mkdirSync(place, { recursive: true });
	execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place]);
}

/** Makes a disk larger, or so small that nothing more fits. */
export function resizeDisk(place: string, size: string): void {
	execFileSync('mount', ['-o', `remount,size=${size}`, place]);
}

/** Shows a directory at another place as well. */
export function bind(source: string, place: string): void {
	mkdirSync(place, { recursive: true });
	execFileSync('mount', ['--bind', source, place]);
}

/** Takes a mount away, also from under whoever is using it; content where there is none. */
export function unmount(place: string): void {
	try {
		execFileSync('umount', ['-l', place], { stdio: 'ignore' });
	} catch {
		// A test took it away already.
	}
}
