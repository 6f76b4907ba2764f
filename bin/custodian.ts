#!/usr/bin/env node
import { runCommand } from '../lib/compose/command.ts';

await runCommand();
