"""The pages people see. For now a placeholder; nothing here touches mail."""
